"""A whole run: the stack, one measurement after another, each failing alone, and everything stopped at the end."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import denominators, machine, versions
from bench.measures import demonstration, history, intake, journey, processes, relay, reservation, workers
from bench.rig import Rig
from bench.session import Plan, Session
from bench.shop import open_shop
from bench.table import ROWS, Line, Result
from shared import clock

IDLE_SECONDS = 3.0

Say = Callable[[str], None]
Measurement = Callable[[Session], Awaitable[Mapping[str, Result] | None]]


@dataclass(frozen=True, slots=True)
class Step:
    """A measurement, what it is called, the lines it gives, and those of later steps that build on it."""

    title: str
    measurement: Measurement
    keys: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    def serves(self, wanted: frozenset[str]) -> bool:
        """Say whether any wanted line needs this step; without a wish all are wanted."""
        return not wanted or bool(wanted & {*self.keys, *self.before})


# What needs orders' worker comes before reservation, which fills topics with orders that only inventory knows.
STEPS = (
    Step("the whole way", journey.measure_rate, ("whole_way",), ("memory",)),
    Step("latency of the whole way", journey.measure_latency, ("latency_p50", "latency_p99")),
    Step("memory after load", processes.measure_memory, ("memory",)),
    Step("cold start", processes.measure_cold_start, ("cold_start",)),
    Step("order intake", intake.measure, ("intake_1", "intake_2"), ("history_intake", "relay")),
    Step("the relay", relay.measure, ("relay",)),
    Step("reservation", reservation.measure, ("reserve_spread", "reserve_hot"), ("history_reserve",)),
    Step("more workers", workers.measure, ("workers",)),
    Step("loading a history", history.load, (), ("history_intake", "look_up", "history_reserve")),
    Step("intake with a history", history.measure_intake, ("history_intake",)),
    Step("look-up with a history", history.measure_look_up, ("look_up",)),
    Step("reservation with a history", history.measure_reservation, ("history_reserve",)),
    Step("the demonstration", demonstration.measure, ("delivered",)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found, and on what."""

    plan: Plan
    lines: list[Line]
    busy_before: float
    limits: Mapping[str, list[float]]
    machine: dict[str, str]
    seconds: float


async def run(plan: Plan, home: Path, say: Say, only: frozenset[str] = frozenset()) -> Outcome:
    """Measure every line, or those of the steps that give one of `only`; raises only what no cell can catch."""
    started = clock.monotonic()
    busy = await machine.busy_share(IDLE_SECONDS)
    say(f"idle check: {busy:.0%} of {machine.describe()['cores']} cores are busy before anything starts")
    rig = await Rig.start(home, say)
    try:
        say("setting up the shop: 10,000 articles")
        shop = await open_shop(rig)
        await denominators.prepare(rig)
        await journey.warm_up(rig, shop)
        session = Session(rig, shop, plan, say)
        lines: dict[str, Line] = {}
        for step in STEPS:
            if step.serves(only):
                lines |= await _take(session, step)
        described = await versions.describe(rig)
    finally:
        await rig.stop()
    ordered = [lines[key] for key in ROWS if key in lines]
    return Outcome(plan, ordered, busy, session.limits, described, clock.monotonic() - started)


def reason_of(error: BaseException) -> str:
    """Say in one line what went wrong: of several at once, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())


async def _take(session: Session, step: Step) -> dict[str, Line]:
    """Take one step; its failure is a line of the table, not the end of the run."""
    session.say(step.title)
    try:
        results = await step.measurement(session) or {}
    except Exception as error:  # noqa: BLE001 - told in the table; the other lines go on
        reason = reason_of(error)
        session.say(f"  {reason}")
        return {key: Line(ROWS[key], None, reason) for key in step.keys}
    return {key: Line(ROWS[key], results.get(key), "the measurement gave no result") for key in step.keys}

"""Which faults strike when: drawn from a seed alone, so that the same seed is exactly the same schedule."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from deploy.local import names

APIS = [names.api_of(service) for service in names.SERVICES]
WORKERS = [names.worker_of(service) for service in names.SERVICES]
PROCESSES = [*APIS, *WORKERS, names.POSTGRES, names.BROKER, names.SIMULATOR, names.MAILBOX]
WIRES = ("slow", "drip", "half_open", "reset")
CARRIER = ("answer_lost", "rate_limited", "slow", "server_error", "duplicate_webhooks", "forged_webhooks",
           "shuffled_webhooks")  # fmt: skip
PROMISED = 60
PROMISED_MINUTES = 20.0
_FIRST_SECONDS = 5.0
_GAP_SECONDS = (9.0, 18.0)
_LONGEST_SECONDS = 8.0
_SHORTEST_SECONDS = 1.0


class Kind(StrEnum):
    """What strikes."""

    KILL = "kill"  # SIGKILL
    STOP = "stop"  # SIGTERM
    CRASH = "crash"  # PostgreSQL's own immediate stop
    FREEZE = "freeze"  # SIGSTOP, SIGCONT
    CUT = "cut"  # a fifth of all connections to PostgreSQL
    SWALLOW = "swallow"  # a commit's answer
    WIRE = "wire"  # a bad connection to PostgreSQL
    JOIN = "join"  # a second worker comes and goes
    CARRIER = "carrier"
    OPEN = "open"  # somebody's transaction stays open
    AGAIN = "again"  # what was published in the last minute is published again


@dataclass(frozen=True)
class Strike:
    """One fault: when it begins, counted from the start of the load, on what, and how long it lasts."""

    at: float
    kind: Kind
    target: str
    seconds: float

    def __str__(self) -> str:
        """Say it in a line."""
        lasts = f" for {self.seconds:.1f} s" if self.kind in _LASTING else ""
        return f"{self.at:7.1f} s  {self.kind} {self.target}{lasts}"


_TARGETS: dict[Kind, Callable[[random.Random], str]] = {
    Kind.KILL: lambda dice: dice.choice(PROCESSES),
    Kind.STOP: lambda dice: dice.choice([*APIS, *WORKERS]),
    Kind.CRASH: lambda _: names.POSTGRES,
    Kind.FREEZE: lambda dice: dice.choice(PROCESSES),
    Kind.CUT: lambda _: names.POSTGRES,
    Kind.SWALLOW: lambda dice: dice.choice(names.SERVICES),
    Kind.WIRE: lambda dice: f"{dice.choice(names.SERVICES)} {dice.choice(WIRES)}",
    Kind.JOIN: lambda dice: dice.choice(names.SERVICES),
    Kind.CARRIER: lambda dice: dice.choice(CARRIER),
    Kind.OPEN: lambda dice: dice.choice(names.SERVICES),
    Kind.AGAIN: lambda dice: dice.choice(names.SERVICES),
}
_LASTING = frozenset({Kind.FREEZE, Kind.WIRE, Kind.JOIN, Kind.OPEN})
_WEIGHTS = {Kind.KILL: 5, Kind.FREEZE: 4, Kind.WIRE: 3, Kind.CARRIER: 3}


def plan(seed: str, minutes: float) -> list[Strike]:
    """Draw the faults of so many minutes; none begins in the last moments, which are for healing."""
    dice = random.Random(f"faults {seed}")  # noqa: S311 - repeatable on purpose
    kinds = list(Kind)
    weights = [_WEIGHTS.get(kind, 2) for kind in kinds]
    strikes: list[Strike] = []
    at = _FIRST_SECONDS
    while at < minutes * 60 - _LONGEST_SECONDS:
        (kind,) = dice.choices(kinds, weights)
        target = _TARGETS[kind](dice)
        strikes.append(Strike(round(at, 1), kind, target, round(dice.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS), 1)))
        at += dice.uniform(*_GAP_SECONDS)
    return strikes

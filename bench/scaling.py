"""What limits first at 10, 100 and 1,000 times today's orders: the simulation with the costs that were measured."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from bench.page import SCALING
from bench.page import replace as replace_on
from bench.report import RESULTS
from bench.simulation import Outcome, Pool, Scenario, Simulation, Step
from shared import clock

_BATCH, _API_BATCH, _RELAY_BATCH = 500, 100, 500
# What was measured holds an order's share of its batches' fixed part, too; the simulation adds that by itself.
_OWN_SHARE = 0.6
_EVENTS_A_RECORD_BATCH = 2  # of an order, two events are in a batch of records
_CAP = 12  # partitions, and replicas of an API in the manifests
_SERVER_CORES = 8
_FULL_PER_MILLE = 600  # a process is run at 60 % of its core
_KEPT_UP = 0.97
# Of an order's time in PostgreSQL, by service: pg_stat_statements at 100 orders a second, 2026-11-28.
_DATABASE_SHARES = {"orders": 0.57, "inventory": 0.28, "care": 0.11, "shipping": 0.04}
_INTAKE_SHARE = 0.55
# Of one event sent: the same run's relay, in its process and in PostgreSQL.
_EVENT_MS, _EVENT_DATABASE_MS = 0.025, 0.02

Costs = Mapping[str, float]


def measured() -> tuple[Costs, str]:
    """Read what an order costs from the newest results; raises FileNotFoundError where nothing was measured."""
    for name in ("full", "quick"):
        path = RESULTS / f"{name}.json"
        if path.exists():
            document = json.loads(path.read_text(encoding="utf-8"))
            lines = {line["key"]: line for line in document["lines"]}
            return lines["whole_way"]["details"]["cpu_ms_per_order"], f"{document['command']}, {document['at'][:10]}"
    raise FileNotFoundError("no results yet: run make bench first")


def path_of(costs: Costs) -> tuple[list[Step], list[Step]]:
    """Give the steps an order waits for, and those beside its way."""
    server = {service: costs["postgres"] * share for service, share in _DATABASE_SHARES.items()}

    def relay(service: str, events: int) -> Step:
        return Step(f"{service}-relay", events * _EVENT_MS, events * _EVENT_DATABASE_MS)

    relayed = {"orders": 3, "inventory": 2}
    own = {service: costs[f"{service}-worker"] - events * _EVENT_MS for service, events in relayed.items()}
    left = {service: server[service] - events * _EVENT_DATABASE_MS for service, events in relayed.items()}
    stored = left["orders"] * _INTAKE_SHARE
    way = [
        Step("orders-api", costs["orders-api"], stored),
        relay("orders", 2),
        Step("inventory-worker", own["inventory"] / 2, left["inventory"] / 2, locks_stock=True),
        relay("inventory", 1),
        Step("orders-worker", own["orders"], left["orders"] - stored),
        relay("orders", 1),
        Step("inventory-worker", own["inventory"] / 2, left["inventory"] / 2),
        relay("inventory", 1),
    ]
    beside = [Step(f"{name}-worker", costs[f"{name}-worker"], server[name]) for name in ("care", "shipping")]
    return [_own(step) for step in way[:-1]], [_own(step) for step in (*beside, way[-1])]


def _own(step: Step) -> Step:
    return replace(step, process_ms=step.process_ms * _OWN_SHARE, database_ms=step.database_ms * _OWN_SHARE)


def pools(steps: list[Step], count: Callable[[str], int]) -> dict[str, Pool]:
    """Give each pool as many processes as `count` says."""
    made: dict[str, Pool] = {}
    for step in steps:
        service, _, kind = step.pool.partition("-")
        most = {"api": _API_BATCH, "relay": _RELAY_BATCH}.get(kind, _BATCH // _EVENTS_A_RECORD_BATCH)
        in_flight = 1 if kind == "worker" else 2
        made[step.pool] = Pool(count(step.pool), in_flight, most, service, rests=kind != "api")
    return made


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: what is simulated, and what carries it."""

    load: str
    carried_by: str
    scenario: Scenario


def cases(costs: Costs, unit: float) -> Iterator[Case]:
    """Give today's machine at several rates, then clusters at multiples of `unit` orders a second."""
    way, beside = path_of(costs)
    steps = [*way, *beside]
    shared = Scenario(0, way, beside, pools(steps, lambda _: 1), _SERVER_CORES, cores=2)
    for rate in (50.0, 100.0, 200.0):
        yield Case(f"{rate:.0f}/s", "two cores", replace(shared, per_second=rate))

    spent = _spent({step.pool: step.pool for step in steps}, steps)

    def wanted(rate: float) -> Callable[[str], int]:
        return lambda pool: math.ceil(rate * spent[pool] / _FULL_PER_MILLE)

    def capped(rate: float) -> Callable[[str], int]:
        return lambda pool: 1 if pool.endswith("-relay") else min(_CAP, wanted(rate)(pool))

    def cluster(rate: float, count: Callable[[str], int], servers: int = 1, **more: int) -> Scenario:
        return Scenario(rate, way, beside, pools(steps, count), _SERVER_CORES * servers, **more)

    for times in (10, 20, 50):
        rate = times * unit
        yield Case(f"{times} times", "as it is: 12 partitions, one relay a service", cluster(rate, capped(rate)))
    rate = 10 * unit
    yield Case("10 times", "the same, one SKU in every batch", cluster(rate, capped(rate), hot_rows=1))
    rate = 100 * unit
    yield Case("100 times", "more partitions, shards of relays dealt out", cluster(rate, wanted(rate)))
    yield Case("100 times", "and four servers a database", cluster(rate, wanted(rate), 4))
    yield Case("100 times", "and one SKU in every batch", cluster(rate, wanted(rate), 4, hot_rows=1))
    yield Case("100 times", "and that SKU in eight rows", cluster(rate, wanted(rate), 4, hot_rows=8))
    rate = 1000 * unit
    yield Case("1000 times", "forty servers a database", replace(cluster(rate, wanted(rate), 40), seconds=3, step_ms=2))


def run(say: Callable[[str], None], *, write_docs: bool) -> None:
    """Simulate every case, print the table, and put it into docs/scaling.md if wanted."""
    costs, source = measured()
    unit = 1000 / sum(costs.values()) * 2
    head = (
        f"`make simulate` on {clock.real().date().isoformat()}, with an order's processor time from `{source}`: "
        f"{sum(costs.values()):.2f} ms in all, so that two cores take {unit:.0f} orders a second, which is once."
    )
    said = [
        head,
        "",
        *_costs(costs),
        "",
        "| load | carried by | ready, orders/s | p50 ms | p99 ms | fullest |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for case in cases(costs, unit):
        outcome = Simulation(case.scenario).run()
        said.append(_row(case, outcome))
        say(said[-1])
    if write_docs:
        replace_on("simulation", "\n".join(said), page=SCALING)


def _costs(costs: Costs) -> Iterator[str]:
    yield "| process | ms an order | with what PostgreSQL spends for it | full at, at 60 % |"
    yield "| --- | --- | --- | --- |"
    way, beside = path_of(costs)
    steps = [*way, *beside]
    processes = {step.pool: step.pool.replace("-relay", "-worker") for step in steps}
    for name, spent in _spent(processes, steps).items():
        yield f"| {name} | {costs[name]:.2f} | {spent:.2f} | {_FULL_PER_MILLE / spent:.0f} orders/s |"


def _spent(names: Mapping[str, str], steps: list[Step]) -> dict[str, float]:
    """Add up what was measured of the steps, process and database, by the name of each step's pool."""
    spent: dict[str, float] = {}
    for step in steps:
        name = names[step.pool]
        spent[name] = spent.get(name, 0) + (step.process_ms + step.database_ms) / _OWN_SHARE
    return spent


def _row(case: Case, outcome: Outcome) -> str:
    what, share = outcome.fullest
    wanted = case.scenario.per_second
    fell_behind = "" if outcome.ready_per_second >= _KEPT_UP * wanted else f" of {wanted:,.0f}, **falls behind**"
    return (
        f"| {case.load} | {case.carried_by} | {outcome.ready_per_second:,.0f}{fell_behind} | {outcome.p50_ms:,.0f} "
        f"| {outcome.p99_ms:,.0f} | {what} {share:.0%} |"
    )

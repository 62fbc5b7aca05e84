"""The suite's way of an order as queues and workers: what fills up first when more orders come than one machine takes.

Processes take batches, compute, then use their database, then rest, as the real ones do (ADR 27). Times per order are
those that were measured (`make bench`); only the fixed part of a batch is fitted, so that two simulated cores come near
to what two real ones did. Orders are counts with the moment they came at, and time moves by a fixed step.
"""

import math
import random
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from bench.figures import weighted_percentile

_FIXED_PROCESS_MS = 1.6
_FIXED_DATABASE_MS = 1.0
_MOST_REST_MS = 50.0
_NORMAL_FROM = 200.0  # from here on a Poisson number is as good as a rounded normal one
ONE_MACHINE: Final = "the machine"


@dataclass(frozen=True, slots=True)
class Step:
    """What one pool does for an order: milliseconds in the process and in the database, and whether stock is locked."""

    pool: str
    process_ms: float
    database_ms: float
    locks_stock: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """Processes that do the same: how many, batches in flight of each, the most in a batch, their database."""

    replicas: int
    in_flight: int
    most: int
    database: str
    rests: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """A suite under load. With `cores` all of it shares one machine; else each process and database has its own."""

    per_second: float
    path: Sequence[Step]
    beside: Sequence[Step]
    pools: Mapping[str, Pool]
    database_cores: int
    cores: int | None = None
    hot_rows: int | None = None  # how many rows the SKU lies in that is in every batch; None without such a SKU
    seconds: float = 6.0
    step_ms: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it in the second half: orders a second that were ready, their milliseconds, and how full all was."""

    ready_per_second: float
    p50_ms: float
    p99_ms: float
    waiting: float
    used: Mapping[str, float]

    @property
    def fullest(self) -> tuple[str, float]:
        """What is used most, and its share."""
        return max(self.used.items(), key=lambda one: one[1])


class _Phase(Enum):
    IDLE = auto()
    PROCESS = auto()
    LOCK = auto()
    DATABASE = auto()
    REST = auto()


Packets = deque[tuple[float, float]]  # (moment an order came at in ms, how many)


@dataclass(slots=True)
class _Replica:
    name: str
    pool: Pool
    phase: _Phase = _Phase.IDLE
    left_ms: float = 0.0
    began_ms: float = 0.0
    step: int = 0
    batch: list[tuple[float, float]] = field(default_factory=list)
    turn: int = 0


class Simulation:
    """One run of a scenario; the same seed gives the same run."""

    def __init__(self, scenario: Scenario, seed: int = 1) -> None:
        self._scenario = scenario
        self._random = random.Random(seed)  # noqa: S311 - arrivals, not secrets
        self._steps = [*scenario.path, *scenario.beside]
        self._queues: list[Packets] = [deque() for _ in self._steps]
        self._replicas = [
            _Replica(name, pool) for name, pool in scenario.pools.items() for _ in range(pool.replicas * pool.in_flight)
        ]
        self._locked = 0
        self._busy: dict[str, float] = defaultdict(float)
        self._done: list[tuple[float, float]] = []
        self._now = 0.0

    def run(self) -> Outcome:
        """Let time pass, and tell what came of it."""
        half, end = self._scenario.seconds * 500, self._scenario.seconds * 1000
        while self._now < end:
            if self._now <= half:
                self._busy.clear()
                self._done.clear()
            self._queues[0].append((self._now, self._arrivals()))
            for replica in self._replicas:
                self._begin(replica)
            self._work()
            self._now += self._scenario.step_ms
        ready = sum(count for _, count in self._done)
        return Outcome(
            ready / (end - half) * 1000,
            weighted_percentile(self._done, 0.5),
            weighted_percentile(self._done, 0.99),
            sum(count for queue in self._queues for _, count in queue),
            {name: spent / (end - half) for name, spent in self._busy.items()},
        )

    def _arrivals(self) -> float:
        mean = self._scenario.per_second * self._scenario.step_ms / 1000
        if mean > _NORMAL_FROM:
            return max(0.0, round(self._random.gauss(mean, math.sqrt(mean))))
        least, product, count = math.exp(-mean), self._random.random(), 0
        while product > least:
            product *= self._random.random()
            count += 1
        return count

    def _begin(self, replica: _Replica) -> None:
        """Take what waits for one of the pool's steps, in turn."""
        if replica.phase is not _Phase.IDLE:
            return
        places = [n for n, step in enumerate(self._steps) if step.pool == replica.name and self._queues[n]]
        if not places:
            return
        replica.step = places[replica.turn % len(places)]
        replica.turn += 1
        room, replica.batch = float(replica.pool.most), []
        queue = self._queues[replica.step]
        while queue and room > 0:
            moment, count = queue.popleft()
            taken = min(count, room)
            if taken < count:
                queue.appendleft((moment, count - taken))
            if taken:
                replica.batch.append((moment, taken))
            room -= taken
        if not replica.batch:
            return
        replica.began_ms = self._now
        replica.phase, replica.left_ms = _Phase.PROCESS, self._cost(replica, _FIXED_PROCESS_MS, "process_ms")

    def _cost(self, replica: _Replica, fixed: float, which: str) -> float:
        return fixed + sum(count for _, count in replica.batch) * float(getattr(self._steps[replica.step], which))

    def _work(self) -> None:
        """Let everybody who computes get on by one step, or by its share where there are fewer cores than work."""
        step_ms = self._scenario.step_ms
        for where, those in self._at_work().items():
            cores = self._cores(where)
            if where not in self._scenario.pools:
                self._busy[where] += min(1.0, len(those) / cores) * step_ms
            for replica in those:
                if not self._scenario.cores:
                    self._busy[replica.name] += step_ms / replica.pool.replicas / replica.pool.in_flight
                self._get_on(replica, step_ms * min(1.0, cores / len(those)))
        if self._scenario.hot_rows:
            self._busy["the hot SKU's rows"] += self._locked / self._scenario.hot_rows * step_ms

    def _at_work(self) -> Mapping[str, list[_Replica]]:
        """Give who computes, by the cores they compute on; let who rests rest on, and who waits for a row try again."""
        active: dict[str, list[_Replica]] = defaultdict(list)
        for replica in self._replicas:
            if replica.phase is _Phase.LOCK:
                self._take_lock(replica)
            if replica.phase in {_Phase.PROCESS, _Phase.DATABASE}:
                active[self._where(replica)].append(replica)
            elif replica.phase is _Phase.REST:
                self._get_on(replica, self._scenario.step_ms)
        return active

    def _cores(self, where: str) -> int:
        pool = self._scenario.pools.get(where)
        return self._scenario.cores or (pool.replicas if pool else self._scenario.database_cores)

    def _where(self, replica: _Replica) -> str:
        if self._scenario.cores:
            return ONE_MACHINE
        if replica.phase is _Phase.DATABASE:
            return f"database of {replica.pool.database}"
        return replica.name

    def _get_on(self, replica: _Replica, by_ms: float) -> None:
        replica.left_ms -= by_ms
        if replica.left_ms > 0:
            return
        if replica.phase is _Phase.PROCESS:
            replica.phase = _Phase.LOCK
            self._take_lock(replica)
        elif replica.phase is _Phase.DATABASE:
            self._finish(replica)
        else:
            replica.phase = _Phase.IDLE

    def _take_lock(self, replica: _Replica) -> None:
        """Go on to the database; a batch that locks stock waits for a row of the SKU that is in every batch."""
        locks = self._steps[replica.step].locks_stock and self._scenario.hot_rows is not None
        if locks and self._locked >= (self._scenario.hot_rows or 0):
            return
        self._locked += locks
        replica.phase, replica.left_ms = _Phase.DATABASE, self._cost(replica, _FIXED_DATABASE_MS, "database_ms")

    def _finish(self, replica: _Replica) -> None:
        """Hand the batch on to the next step, and rest as long as it took."""
        if self._steps[replica.step].locks_stock and self._scenario.hot_rows is not None:
            self._locked -= 1
        path = self._scenario.path
        if replica.step == 0:
            for number in range(len(path), len(self._steps)):
                self._queues[number].extend(replica.batch)
        if replica.step + 1 < len(path):
            self._queues[replica.step + 1].extend(replica.batch)
        elif replica.step + 1 == len(path):
            self._done += [(self._now - moment, count) for moment, count in replica.batch]
        took = self._now - replica.began_ms
        replica.phase = _Phase.REST if replica.pool.rests else _Phase.IDLE
        replica.left_ms = min(took, _MOST_REST_MS)

"""The issue's table: every line with its target, and what explains a line that falls short."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from bench.figures import Target, median, spread

_LEAST_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table before it is measured."""

    key: str
    what: str
    target: Target
    why: str
    moves: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured for a line: its cells, in the target's unit, and what they are made of."""

    cells: list[float]
    figure: str
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    note: str = ""

    @property
    def value(self) -> float:
        """The median cell: what is held against the target."""
        return median(self.cells)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table with its result, or the reason why there is none."""

    row: Row
    result: Result | None
    failure: str = ""

    @property
    def verdict(self) -> str:
        """Say pass, fall short or not measured."""
        if self.result is None:
            return "NOT MEASURED"
        return "pass" if self.row.target.is_met(self.result.value) else "FALLS SHORT"

    @property
    def spread(self) -> str:
        """Give the noise of the cells, as a percentage of their median."""
        if self.result is None or len(self.result.cells) < 2:  # noqa: PLR2004 - one cell has no spread
            return "one cell"
        return f"{spread(self.result.cells):.0%} of {len(self.result.cells)}"

    @property
    def processor_time(self) -> Mapping[str, float]:
        """Give processor milliseconds per order by process, the dearest first; empty where it is not measured."""
        told = self.result.details.get("cpu_ms_per_order") if self.result else None
        spent = (
            {name: float(ms) for name, ms in told.items() if isinstance(ms, int | float)}
            if isinstance(told, dict)
            else {}
        )
        least = _LEAST_SHARE * sum(spent.values())
        return {name: ms for name, ms in sorted(spent.items(), key=lambda one: -one[1]) if ms >= least and ms}

    def explain(self) -> list[str]:
        """Say what a reader needs beside the figures."""
        if self.result is None:
            return [f"not measured: {self.failure}"]
        said = [self.result.note] if self.result.note else []
        if spent := self.processor_time:
            parts = ", ".join(f"{name} {ms:.2f}" for name, ms in spent.items())
            said.append(f"processor time {sum(spent.values()):.2f} ms an order: {parts}")
        if self.verdict != "pass":
            said += [f"why: {self.row.why}", f"what would move it: {self.row.moves}"]
        return said

    def as_json(self) -> dict[str, JsonValue]:
        """Give the line for the results file."""
        result = self.result
        return {
            "key": self.row.key,
            "what": self.row.what,
            "target": str(self.row.target),
            "value": round(result.value, 4) if result else None,
            "cells": [round(cell, 4) for cell in result.cells] if result else [],
            "figure": result.figure if result else "",
            "verdict": self.verdict,
            "explanation": list(self.explain()),
            "details": dict(result.details) if result else {},
        }


_ROWS: Final = (
    Row(
        "intake_1",
        "order intake over HTTP, 1 API process ÷ (a)",
        Target("least", 0.5),
        "an order is some twenty rows and their indexes, not five, and is checked, drafted and encoded in Python; "
        "eight clients wait for each commit, so neither core is full",
        "less written per order (timeline, look-up, feed and answer are rows of their own); more clients a commit",
    ),
    Row(
        "intake_2",
        "order intake over HTTP, 2 API processes ÷ (a)",
        Target("least", 0.6),
        "each of the two has half the clients, so a commit holds half the orders and costs each of them twice as much, "
        "in Python and in PostgreSQL",
        "more clients than eight; more cores",
    ),
    Row(
        "reserve_spread",
        "reservation from a full topic, 10,000 SKUs ÷ (b)",
        Target("least", 3.0),
        "an order is two events in, a demand, reservations, a ledger and the stock of three articles, an event out; "
        "PostgreSQL spends more on these rows than the worker on the events",
        "fewer rows per reservation; several workers (the topic has 12 partitions)",
    ),
    Row(
        "reserve_hot",
        "reservation from a full topic, one hot SKU ÷ (c)",
        Target("least", 8.0),
        "the hot row is locked once a wave, so this is processor time as in the line above",
        "as above; not the lock",
    ),
    Row(
        "whole_way",
        "placed → pick tasks ready, Apache Kafka, all processes ÷ (a)",
        Target("least", 0.15),
        "an order goes from orders to inventory, back and to inventory again, shipping and care read along, and each "
        "parses, applies and writes; all of it shares two cores with database, broker and load",
        "more cores: each service scales by its own processes",
    ),
    Row(
        "delivered",
        "placed → delivered in the demonstration's shape ÷ (a)",
        Target("least", 0.01),
        "the demonstration waits until the suite rests after each of some two hundred steps of business time, however "
        "few orders move in one, and its bots scan unit by unit: it shows a story, and on the embedded broker",
        "more orders per step; bots in more than one process",
    ),
    Row(
        "latency_p50",
        "placed → pick task visible at 200 orders/s, p50",
        Target("most", 25, "ms"),
        "four commits, and three crossings with a relay's round and a poll each, which rest as long as they last took; "
        "at this rate the two cores are nearly full",
        "cores of their own for the workers",
    ),
    Row(
        "latency_p99",
        "placed → pick task visible at 200 orders/s, p99",
        Target("most", 100, "ms"),
        "as p50; the tail is who waits for a core",
        "cores of their own for the workers",
    ),
    Row(
        "relay",
        "relay ÷ a bare aiokafka producer with the same bytes",
        Target("least", 0.7),
        "the relay reads rows, encodes headers and moves each row to the log, in the process that also consumes",
        "reading on one connection while moving on another; fewer headers",
    ),
    Row(
        "memory",
        "memory of the largest service process after load (USS)",
        Target("most", 90, "MB"),
        "Python's libraries, and what the largest batch once needed",
        "smaller batches; fewer libraries at start",
    ),
    Row(
        "cold_start",
        "cold start of the slowest service process to ready",
        Target("most", 1.0, "s"),
        "imports of FastAPI, SQLAlchemy, pydantic and the models they build",
        "fewer libraries at start",
    ),
    Row(
        "history_intake",
        "intake with a history of orders ÷ without",
        Target("least", 0.9),
        "deeper indexes, and pages that are not in memory",
        "a larger shared_buffers; partitions by age",
    ),
    Row(
        "history_reserve",
        "reservation with a history of orders ÷ without",
        Target("least", 0.9),
        "deeper indexes, and pages that are not in memory",
        "a larger shared_buffers; partitions by age",
    ),
    Row(
        "look_up",
        "look-up by any key with a history of orders, p95 at the API",
        Target("most", 50, "ms"),
        "a key that many orders share",
        "a limit inside the index scan",
    ),
    Row(
        "workers",
        "2 → 4 workers of a service on 12 partitions, CPU per order",
        Target("most", 1.05),
        "a worker with a quarter of the partitions fetches less at once, so its batches are smaller; and each worker "
        "has timers of its own",
        "fetching more of each partition where a worker has few",
    ),
)
ROWS: Final[Mapping[str, Row]] = {row.key: row for row in _ROWS}

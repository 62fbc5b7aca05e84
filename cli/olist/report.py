"""The replay's report: tables for people, one JSON object for programs, and the expectations that may fail."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from cli.olist.flags import FORMULAS, Score
from cli.olist.judge import Verdict
from cli.olist.parcels import UNKNOWN_GRAMS, UNKNOWN_SIZE
from cli.olist.plan import Fate, Plan
from cli.olist.replay import Replay
from shared import clock

_SHOWN = 20
_ASSUMED = "(once) sellers have no address in the data: all are in Sao Paulo, and always open"
_SYNTHETIC = "between hand-over and delivery a labelled synthetic scan every 48 h; the data have only these two scans"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a replay ends with; `checked` is what `doorstep check` found, None when it cannot be asked."""

    replay: Replay
    verdict: Verdict
    checked: list[str] | None
    seconds: float
    business: tuple[str, str]
    care: dict[str, object]

    @property
    def placed(self) -> int:
        """Count the orders that were accepted."""
        return len(self.replay.orders)

    @property
    def rate(self) -> float:
        """Give orders per second of wall time."""
        return len(self.replay.plans) / self.seconds if self.seconds else 0.0

    def failures(self) -> list[str]:
        """Name every expectation that failed."""
        fates = Counter(plan.fate for plan in self.replay.plans.values())
        refused, expected = len(self.replay.refused), fates[Fate.REFUSED]
        failed: list[str] = []
        if refused != expected or self.placed != len(self.replay.plans) - expected:
            failed.append(f"{self.placed} placed and {refused} refused, expected {expected} refused")
        failed += [
            f"{count} {name}: {'; '.join(names[:3])}"
            for name, names in asdict(self.verdict.conservation).items()
            if (count := len(names))
        ]
        if self.verdict.mismatches:
            first = self.verdict.mismatches[0]
            example = f"{first.reference} expected {first.expected!r}, is {first.actual!r}"
            failed.append(f"{len(self.verdict.mismatches)} orders ended otherwise than the data say, e.g. {example}")
        if self.checked:
            failed.append(f"doorstep check: {len(self.checked)} findings, e.g. {self.checked[0]}")
        return failed + self._flag_failures()

    def _flag_failures(self) -> list[str]:
        """Flags must come before the calendar alone would raise them, once enough orders were late to tell."""
        predicted, _, baseline = self.verdict.scores
        if predicted.late < _ENOUGH_LATE:
            return []
        if not predicted.late_flagged:
            return ["not one late order was flagged before its promise's end"]
        lead, other = predicted.lead_hours or 0, baseline.lead_hours or 0
        return [] if lead > other else [f"the flags lead by {lead:.0f} h, the baseline by {other:.0f} h"]


_ENOUGH_LATE = 20


def show(report: Report, console: Console) -> None:
    """Print the report."""
    _show_assumptions(report.replay, console)
    _show_outcomes(report.verdict, console)
    _show_conservation(report, console)
    _show_scores(report.verdict.scores, console)
    _show_speed(report, console)


def as_json(report: Report) -> dict[str, object]:
    """Give the report as one object."""
    replay, verdict = report.replay, report.verdict
    return {
        "orders": len(replay.plans),
        "placed": report.placed,
        "refused": len(replay.refused),
        "outcomes": [
            {"olist_status": status, "expected": expected, "actual": actual, "orders": count}
            for (status, expected, actual), count in sorted(verdict.outcomes.items())
        ],
        "mismatches": [asdict(mismatch) for mismatch in verdict.mismatches],
        "conservation": {**verdict.conservation.as_counts(), "named": asdict(verdict.conservation)},
        "units": dict(verdict.units),
        "check": report.checked,
        "flags": [score.as_json() for score in verdict.scores],
        "formulas": dict(FORMULAS),
        "care": report.care,
        "assumptions": assumptions(replay),
        "business_time": {"from": report.business[0], "to": report.business[1]},
        "wall_seconds": round(report.seconds, 1),
        "orders_per_second": round(report.rate, 2),
        "steps": replay.steps,
        "seconds_by_work": {name: round(seconds, 1) for name, seconds in sorted(spent(replay).items())},
        "failures": report.failures(),
    }


def write(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    path.write_bytes(orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2, default=str) + b"\n")


def assumptions(replay: Replay) -> dict[str, int]:
    """Count the orders each assumption was made for, and what else was made up."""
    counted = Counter(str(assumed) for plan in replay.plans.values() for assumed in plan.assumptions)
    products = replay.dock.products.values()
    weightless = f"products without a weight: taken as {UNKNOWN_GRAMS} g"
    sizeless = f"products without a size: taken as {' x '.join(map(str, UNKNOWN_SIZE))} mm"
    counted[weightless] = sum(product.weight_grams is None for product in products)
    counted[sizeless] = sum(product.size_mm is None for product in products)
    counted[_ASSUMED] = len({seller for plan in replay.plans.values() for seller in plan.sellers})
    counted[_SYNTHETIC] = sum(plan.fate is Fate.DELIVERED for plan in replay.plans.values())
    return dict(counted)


def spent(replay: Replay) -> dict[str, float]:
    """Give seconds of wall time by work."""
    return {"rest": replay.timing.resting, **replay.timing.acting}


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _show_assumptions(replay: Replay, console: Console) -> None:
    table = _table("\nAssumptions", "what the data do not say", "cases")
    for sentence, count in assumptions(replay).items():
        if count:
            table.add_row(sentence, str(count))
    console.print(table)


def _show_outcomes(verdict: Verdict, console: Console) -> None:
    table = _table("\nOutcomes", "in the data", "expected", "is", "orders")
    for (status, expected, actual), count in sorted(verdict.outcomes.items()):
        style = "" if expected == actual else "red"
        table.add_row(status, expected, actual, str(count), style=style)
    console.print(table)
    for mismatch in verdict.mismatches[:_SHOWN]:
        console.print(f"  [red]{mismatch.reference}[/red] expected {mismatch.expected}, is {mismatch.actual}")


def _show_conservation(report: Report, console: Console) -> None:
    counts = report.verdict.conservation.as_counts()
    units = report.verdict.units
    table = _table("\nConservation", "what", "count")
    for name, count in counts.items():
        table.add_row(name.replace("_", " "), str(count), style="red" if count else "")
    table.add_row("units ordered", str(units.get("ordered", 0)))
    for name, count in units.items():
        if count and name != "ordered":
            table.add_row(f"  {name.replace('_', ' ')}", str(count))
    found = "cannot be asked" if report.checked is None else str(len(report.checked))
    table.add_row("findings of doorstep check", found, style="red" if report.checked else "")
    console.print(table)
    for sentence in (report.checked or [])[:_SHOWN]:
        console.print(f"  [red]{sentence}[/red]")


def _show_scores(scores: Sequence[Score], console: Console) -> None:
    table = _table(
        "\nFlags of coming lateness", "flag", "delivered", "late", "flagged", "late flagged", "recall", "precision",
        "median lead",
    )  # fmt: skip
    for score in scores:
        table.add_row(
            score.name, *map(str, (score.delivered, score.late, score.flagged, score.late_flagged)),
            _share(score.recall), _share(score.precision),
            "-" if score.lead_hours is None else f"{score.lead_hours / 24:.1f} days",
        )  # fmt: skip
    console.print(table)
    for name, formula in FORMULAS.items():
        console.print(f"  [dim]{name} = {formula}[/dim]")


def _show_speed(report: Report, console: Console) -> None:
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(spent(report.replay).items()))
    console.print(
        f"\n{len(report.replay.plans)} orders in {report.seconds:.0f} s ({report.rate:.1f} orders/s), "
        f"{report.replay.steps} steps from {report.business[0]} to {report.business[1]}; {parts}"
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def now_text() -> str:
    """Give business time for the report."""
    return clock.now().isoformat(timespec="seconds")


def title_of(plans: dict[str, Plan]) -> str:
    """Say what will be replayed."""
    first = min(plan.purchase.purchased_at for plan in plans.values())
    last = max(plan.purchase.purchased_at for plan in plans.values())
    return f"{len(plans)} orders bought from {first:%Y-%m-%d} to {last:%Y-%m-%d}"

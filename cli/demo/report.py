"""The demonstration's summary: what became of the orders, and what it shows; as tables and as JSON."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pydantic import Field
from rich.console import Console
from rich.table import Table

from cli.bots.door import Door
from cli.bots.storefront import OrderView
from cli.bots.warehouse import Read

_ENDED = frozenset({"completed", "cancelled", "rejected"})
# Fewer orders need not show everything that the demonstration promises.
_TELLING_ORDERS = 20
# Every mishap of a parcel that is planned, as care detects it; a short pick is made good from other stock without care.
_DETECTED = {"late": "promise_breached", "damaged": "damage", "lost": "lost"}
_PAID_BACK = frozenset({"refund:executed", "shipping_refund:executed", "goodwill_credit:executed"})
# Something is late or damaged by plan, so that no run is perfect; and most orders have no trouble.
_LEAST_RATE = 0.6


class ExceptionMeasure(Read):
    """How often a kind was raised and how long before the promise's end."""

    raised: int
    cleared: int
    open: int
    detection_lead_hours: float | None = None


class Resolution(Read):
    """How cases ended."""

    resolution: str
    state: str
    count: int


class CaseMeasure(Read):
    """Cases in numbers."""

    opened: int = 0
    by_resolution: list[Resolution] = Field(default_factory=list)


class Measures(Read):
    """What care measures."""

    exceptions: dict[str, ExceptionMeasure] = Field(default_factory=dict)
    cases: CaseMeasure = CaseMeasure()
    promises: dict[str, object] = Field(default_factory=dict)
    remedies: dict[str, int] = Field(default_factory=dict)
    messages: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcome of one run; rates between 0 and 1, times in seconds of real time."""

    orders: int
    outcomes: dict[str, int]
    outcome_digest: str
    """Of every order's outcome by reference: the same for the same seed and number of orders."""
    unfinished_without_case: list[str]
    short_units: int
    """Units that were not on the shelf, or damaged there."""
    exceptions: dict[str, dict[str, float | int | None]]
    cases: dict[str, int]
    remedies: dict[str, int]
    refunds_confirmed: int
    messages_sent: int
    perfect_order_rate: float | None
    kept_promise_rate: float | None
    seconds: float
    orders_per_second: float
    steps: int
    check_clean: bool
    check_findings: list[str]

    @property
    def failures(self) -> list[str]:
        """Name what must not be; empty when the run is as it should be."""
        problems = [f"order {number} has neither ended nor a case" for number in self.unfinished_without_case]
        problems.extend(f"doorstep check: {finding}" for finding in self.check_findings)
        if sum(self.outcomes.values()) != self.orders:
            problems.append(f"{self.orders} orders were placed, {sum(self.outcomes.values())} are accounted for")
        return problems + (self._not_shown() if self.orders >= _TELLING_ORDERS else [])

    def _not_shown(self) -> list[str]:
        """Name what the demonstration promises to show and this run does not."""
        raised = {kind: figures["raised"] or 0 for kind, figures in self.exceptions.items()}
        missing = {f"no {mishap} parcel was detected": raised.get(kind, 0) for mishap, kind in _DETECTED.items()}
        missing["no unit was short at the shelf"] = self.short_units
        missing["no reshipment was made"] = self.remedies.get("reship:executed", 0)
        missing["no refund or credit was granted"] = sum(self.remedies.get(name, 0) for name in _PAID_BACK)
        missing["no refund was confirmed"] = self.refunds_confirmed
        missing["no message was sent to a customer"] = self.messages_sent
        rates = {"perfect order": self.perfect_order_rate, "kept promise": self.kept_promise_rate}
        return [problem for problem, count in missing.items() if not count] + [
            f"the {name} rate is {_percent(rate)}, not from {_LEAST_RATE:.0%} to below 100%"
            for name, rate in rates.items()
            if rate is None or not _LEAST_RATE <= rate < 1
        ]

    def as_json(self) -> dict[str, object]:
        """Give all figures as JSON values."""
        return {**asdict(self), "failures": self.failures}


async def read_measures(care: Door) -> Measures:
    """Ask care for its measures."""
    return await care.get("/staff/report", Measures)


def outcome_of(order: OrderView) -> str:
    """Name an order's outcome: its state, and for a completed one what became of the goods."""
    if order.status != "completed":
        return order.status
    if any(line.lost for line in order.lines):
        return "completed, lost on the way"
    if any(line.returned_to_sender for line in order.lines):
        return "completed, returned to sender"
    return f"completed, {order.fulfilment_status.replace('_', ' ')}"


def outcomes(orders: list[OrderView]) -> dict[str, int]:
    """Count orders by outcome."""
    return dict(sorted(Counter(outcome_of(order) for order in orders).items()))


def digest_of(orders: list[OrderView]) -> str:
    """Give a digest of every order's outcome by reference."""
    told = sorted(f"{order.reference} {outcome_of(order)}" for order in orders)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def perfect_orders(orders: list[OrderView], troubled: set[str], on_time: set[str]) -> float | None:
    """Perfect order = Σ[on time ∧ in full ∧ right ∧ undamaged] / delivered, per order."""
    delivered = [order for order in orders if order.fulfilment_status == "delivered"]
    if not delivered:
        return None
    perfect = [order for order in delivered if str(order.id) in on_time and str(order.id) not in troubled]
    return round(len(perfect) / len(delivered), 4)


def show(summary: Summary, console: Console, explore: Mapping[str, str]) -> None:
    """Print the summary."""
    console.print()
    console.print(_counts("Orders by outcome", summary.outcomes))
    table = Table(title="Exceptions", title_justify="left")
    for heading in ("kind", "raised", "cleared", "open", "lead before the promise"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, figures in sorted(summary.exceptions.items()):
        lead = figures["detection_lead_hours"]
        table.add_row(
            kind,
            *(str(figures[name]) for name in ("raised", "cleared", "open")),
            f"{lead:.1f} h" if lead is not None else "-",
        )
    console.print(table)
    console.print(_counts("Cases by resolution", summary.cases))
    console.print(f"{summary.messages_sent} messages to customers, {summary.refunds_confirmed} refunds confirmed")
    console.print(
        f"perfect order {_percent(summary.perfect_order_rate)}   kept promise {_percent(summary.kept_promise_rate)}   "
        f"{summary.orders} orders in {summary.seconds:.0f} s = {summary.orders_per_second:.1f} orders/s "
        f"({summary.steps} steps of business time)"
    )
    if summary.failures:
        console.print(f"[red]{len(summary.failures)} things are not as they should be:[/red]")
        for failure in summary.failures[:20]:
            console.print(f"  [red]✗[/red] {failure}")
    else:
        console.print("[green]✓ every order has ended or is being worked on; doorstep check is clean[/green]")
    console.print("\nThe system is still running; explore it at")
    for name, address in explore.items():
        console.print(f"  {name:<10} {address}/docs")
    console.print("or with [bold]doorstep orders find FH-00042[/bold]; stop it with [bold]make stop[/bold]")


def _counts(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("count", justify="right")
    for name, count in counts.items():
        table.add_row(name, str(count))
    return table


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def is_ended(order: OrderView) -> bool:
    """Say whether nothing more will happen to an order by itself."""
    return order.status in _ENDED

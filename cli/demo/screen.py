"""The live picture of a running demonstration."""

from datetime import date, datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from cli.demo.run import Demo
from shared import clock


class Screen:
    """What happened so far, drawn again at every tick."""

    def __init__(self, orders: int, console: Console) -> None:
        self._orders = orders
        self._console = console
        self._told: date | None = None
        self._started = clock.monotonic()
        self._now: datetime | None = None
        self._counts: dict[str, int] = {}

    def update(self, demo: Demo) -> None:
        """Take the figures of this tick."""
        tallies = [warehouse.tally for warehouse in demo.warehouses]
        self._now = clock.now()
        self._counts = {
            "placed": len(demo.orders),
            "lines picked": sum(tally.scans for tally in tallies),
            "short or damaged": sum(tally.shorts + tally.damages for tally in tallies),
            "parcels packed": sum(tally.parcels for tally in tallies),
            "handed over": sum(tally.handed_over for tally in tallies),
            "remedies granted": demo.agent.granted,
            "refunds confirmed": demo.storefront.refunds,
            "ended": demo.settled,
        }
        if not self._console.is_terminal and self._told != self._now.date():
            # Nobody watches a picture in a log: one line a business day instead.
            self._told = self._now.date()
            counts = ", ".join(f"{name} {count}" for name, count in self._counts.items())
            self._console.print(f"{self._now:%a %d %b}: {counts}", soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw."""
        table = Table.grid(padding=(0, 2))
        for name in ("placed", "handed over", "ended"):
            done = min(self._counts.get(name, 0), self._orders)
            table.add_row(name, ProgressBar(total=self._orders, completed=done, width=40), f"{done}")
        rest = "   ".join(
            f"{name} {count}" for name, count in self._counts.items() if name not in {"placed", "handed over", "ended"}
        )
        moment = f"{self._now:%a %d %b %H:%M} UTC" if self._now else "setting up"
        title = f"business time {moment}   real time {clock.monotonic() - self._started:.0f} s"
        yield Panel(table, title=title, subtitle=rest or None, expand=False)

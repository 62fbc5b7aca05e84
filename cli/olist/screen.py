"""The live picture of a running replay."""

from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from cli.olist.replay import Replay
from cli.olist.stage import Wanted
from shared import clock

_WIDTH = 40


class Screen:
    """What happened so far."""

    def __init__(self, wanted: Wanted) -> None:
        plans = wanted.plans.values()
        self._totals = {
            "bought": len(wanted.plans),
            "handed over": sum(plan.handed_over_at is not None for plan in plans),
            "delivered": sum(plan.ends_at is not None for plan in plans),
        }
        self._ends = sorted(plan.ends_at for plan in plans if plan.ends_at is not None)
        self._started = clock.monotonic()
        self._now: datetime | None = None
        self._counts: dict[str, int] = {}
        self._rest = "starting"

    def say(self, sentence: str) -> None:
        """Show what is being done before the replay begins."""
        self._rest = sentence

    def update(self, replay: Replay) -> None:
        """Take the figures of this step."""
        self._now = clock.now()
        parcels = replay.dock.tally.handed_over
        self._counts = {
            "bought": len(replay.orders) + len(replay.refused),
            "handed over": replay.shipped,
            "delivered": sum(end <= self._now for end in self._ends),
        }
        self._rest = f"refused {len(replay.refused)}   parcels {parcels}   steps {replay.steps}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw."""
        table = Table.grid(padding=(0, 2))
        for name, total in self._totals.items():
            done = self._counts.get(name, 0)
            bar = ProgressBar(total=max(total, 1), completed=done, width=_WIDTH)
            table.add_row(name, bar, f"{done} of {total}")
        moment = f"{self._now:%a %d %b %Y %H:%M} UTC" if self._now else "setting up"
        title = f"business time {moment}   real time {clock.monotonic() - self._started:.0f} s"
        yield Panel(table, title=title, subtitle=self._rest, expand=False)

"""The lead's board: lists by cut-off, who is on them, what is late and why."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.console.actions.workload import Pile, read_workload
from services.console.neighbours import Caller
from services.console.schemas.warehouse import Fulfilment, Fulfilments, Lists, ListSummary, WorkCount

_SERVICE = "inventory"
_MOST_LATE = 100
_MOST_LISTS = 200
_MOST_PAGES = 5
_LIVE = ("planned", "assigned", "picking")
# In the order of the work; those in progress by whose hands they are in.
STAGES = ("open", "picking", "picked", "packing", "packed", "on_hold", "incomplete", "cancel_requested")


@dataclass(frozen=True, slots=True)
class CutOff:
    """Everything that must leave by one moment."""

    at: datetime
    is_late: bool
    lists: list[ListSummary]
    by_stage: list[tuple[str, int]]  # fulfilment orders that have not left


@dataclass(frozen=True, slots=True)
class Board:
    """A location's work; `more` says that there are more lists than the page shows."""

    cut_offs: list[CutOff]
    late: Pile[Fulfilment]
    pickers: dict[str, int]  # lists in work by picker
    more: bool


async def read_board(caller: Caller, location: str) -> Board:
    """Read a location's lists, and count its unfinished fulfilment orders."""
    soon = asyncio.gather(*(_read_lists(caller, location, state) for state in _LIVE))
    load, late = await asyncio.gather(
        read_workload(caller, location),
        caller.get(_SERVICE, "/staff/fulfilments", Fulfilments, location=location, late="true", limit=_MOST_LATE),
    )
    pages = await soon
    lists = [summary for some, _ in pages for summary in some]
    pickers = Counter(summary.picker for summary in lists if summary.picker is not None)
    late_count = sum(work.count for work in load.works if work.late)
    cut_offs = by_cut_off(lists, load.works)
    return Board(cut_offs, Pile(late.data, late_count), dict(pickers), any(more for _, more in pages))


async def _read_lists(caller: Caller, location: str, state: str) -> tuple[list[ListSummary], bool]:
    """Read the lists in a state, and whether there are more than these."""
    lists: list[ListSummary] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        which = {"location": location, "state": state, "cursor": cursor}
        page = await caller.get(_SERVICE, "/staff/pick-lists", Lists, limit=_MOST_LISTS, **which)
        lists.extend(page.data)
        cursor = page.next_cursor
        if cursor is None:
            break
    return lists, cursor is not None


def by_cut_off(lists: Sequence[ListSummary], works: Sequence[WorkCount]) -> list[CutOff]:
    """Group work by the moment by which it must leave, the earliest first."""
    moments = sorted({summary.cut_off_at for summary in lists} | {work.cut_off_at for work in works})
    late = {work.cut_off_at for work in works if work.late}
    counts = {(work.cut_off_at, work.stage): work.count for work in works}
    return [
        CutOff(
            at,
            at in late,
            [summary for summary in lists if summary.cut_off_at == at],
            [(stage, counts[at, stage]) for stage in STAGES if (at, stage) in counts],
        )
        for at in moments
    ]

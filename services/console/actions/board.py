"""The lead's board: lists by cut-off, who is on them, what is late and why."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from services.console.neighbours import Caller
from services.console.schemas.warehouse import Fulfilment, Fulfilments, Lists, ListSummary

_SERVICE = "inventory"
_MOST = 200
_MOST_PAGES = 5
_LIVE = ("planned", "assigned", "picking")
_NEXT_STATES = ("open", "in_progress", "packed", "on_hold", "incomplete", "cancel_requested")


@dataclass(frozen=True, slots=True)
class CutOff:
    """Everything that must leave by one moment."""

    at: datetime
    lists: list[ListSummary]
    works: Counter[str]  # fulfilment orders by state

    @property
    def total(self) -> int:
        """Fulfilment orders that have not left."""
        return self.works.total()

    @property
    def by_state(self) -> list[tuple[str, int]]:
        """Fulfilment orders by state, in the order of the work."""
        return [(state, self.works[state]) for state in _NEXT_STATES if self.works[state]]


@dataclass(frozen=True, slots=True)
class Board:
    """A location's work; `more` says that there is more of it than the page shows."""

    cut_offs: list[CutOff]
    late: list[Fulfilment]
    pickers: dict[str, int]  # lists in work by picker
    more: bool


async def read_board(caller: Caller, location: str) -> Board:
    """Read a location's lists and unfinished fulfilment orders."""
    pages = asyncio.gather(
        *(
            caller.get(_SERVICE, "/staff/pick-lists", Lists, location=location, state=state, limit=_MOST)
            for state in _LIVE
        )
    )
    works, more = await _read_works(caller, location)
    lists = [summary for page in await pages for summary in page.data]
    pickers = Counter(summary.picker for summary in lists if summary.picker is not None)
    return Board(by_cut_off(lists, works), [work for work in works if work.late], dict(pickers), more)


async def _read_works(caller: Caller, location: str) -> tuple[list[Fulfilment], bool]:
    works: list[Fulfilment] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await caller.get(
            _SERVICE, "/staff/fulfilments", Fulfilments, location=location, limit=_MOST, cursor=cursor
        )
        works.extend(page.data)
        cursor = page.next_cursor
        if cursor is None:
            break
    return works, cursor is not None


def by_cut_off(lists: Sequence[ListSummary], works: Sequence[Fulfilment]) -> list[CutOff]:
    """Group work by the moment by which it must leave, the earliest first."""
    moments = sorted({summary.cut_off_at for summary in lists} | {work.cut_off_at for work in works})
    counted = {
        at: Counter(work.state for work in group)
        for at, group in groupby(sorted(works, key=lambda work: work.cut_off_at), key=lambda work: work.cut_off_at)
    }
    return [
        CutOff(at, [summary for summary in lists if summary.cut_off_at == at], counted.get(at, Counter()))
        for at in moments
    ]

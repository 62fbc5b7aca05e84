"""A picker's walk: what to pick now, what comes next, and what a scan in front of it means."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.console.errors import RefusedError
from services.console.neighbours import Caller
from services.console.schemas.warehouse import Lists, ListSummary, PickList, PickTask, Place, Places, Scanned, Shorted

_PLACES_AT_ONCE = 500
_SERVICE = "inventory"


@dataclass(frozen=True, slots=True)
class Walk:
    """A list as its picker sees it."""

    picks: PickList
    now: PickTask | None
    after: PickTask | None

    @property
    def wanted(self) -> int:
        """Units of the whole list."""
        return sum(task.wanted for task in self.picks.tasks)

    @property
    def picked(self) -> int:
        """Units in totes."""
        return sum(task.picked for task in self.picks.tasks)

    @property
    def bins_left(self) -> int:
        """Bins still to walk to."""
        return len({task.bin for task in self.picks.tasks if task.remaining})


@dataclass(frozen=True, slots=True)
class ItemScan:
    """An item read `quantity` times, into a tote if one was scanned; the key is the scan's id."""

    code: str
    quantity: int
    tote: str
    key: str


async def read_places(caller: Caller, own: Sequence[str]) -> list[Place]:
    """Read the locations somebody works at, however many there are; who has none of their own works anywhere."""
    found: list[Place] = []
    cursor: str | None = None
    while True:
        page = await caller.get(_SERVICE, "/staff/locations", Places, limit=_PLACES_AT_ONCE, cursor=cursor)
        found.extend(page.data)
        cursor = page.next_cursor
        if cursor is None:
            return [place for place in found if place.active and (not own or place.code in own)]


async def find_active(caller: Caller, login: str) -> ListSummary | None:
    """Find the list somebody is on."""
    states = ("picking", "assigned")
    found = await asyncio.gather(
        *(caller.get(_SERVICE, "/staff/pick-lists", Lists, picker=login, state=state, limit=1) for state in states)
    )
    return next((page.data[0] for page in found if page.data), None)


async def take_next(caller: Caller, wanted: dict[str, object], key: str) -> PickList | None:
    """Take the next list; None when nothing is to pick."""
    answer = await caller.act(_SERVICE, "/staff/pick-lists/next", wanted, key=key)
    return PickList.model_validate(answer) if answer is not None else None


async def read_walk(caller: Caller, list_id: UUID) -> Walk:
    """Read a list and see where its picker stands."""
    return walk(await caller.get(_SERVICE, f"/staff/pick-lists/{list_id}", PickList))


def walk(picks: PickList) -> Walk:
    """See where the picker of a list stands: at the first bin with units to pick."""
    open_tasks = [task for task in picks.tasks if task.remaining]
    return Walk(picks, open_tasks[0] if open_tasks else None, open_tasks[1] if len(open_tasks) > 1 else None)


def tote_named(picks: PickList, code: str) -> str:
    """Give the tote of this list that a scanned code names; empty for an item or anything else."""
    if any(task.is_item(code) for task in picks.tasks):
        return ""
    return next((entry.tote for entry in picks.totes if entry.tote.casefold() == code.casefold()), "")


async def scan(caller: Caller, list_id: UUID, item: ItemScan) -> Scanned:
    """Confirm a pick; raises RefusedError with the reason."""
    body = {"barcode": item.code, "quantity": item.quantity, "tote": item.tote or None}
    answer = await caller.act(_SERVICE, f"/staff/pick-lists/{list_id}/scans", body, key=item.key)
    return Scanned.model_validate(answer)


async def undo(caller: Caller, list_id: UUID, key: str) -> Scanned:
    """Take the last scan back; raises RefusedError when there is none."""
    return Scanned.model_validate(await caller.act(_SERVICE, f"/staff/pick-lists/{list_id}/undo", {}, key=key))


async def report_short(caller: Caller, list_id: UUID, body: dict[str, object], key: str) -> Shorted:
    """Report units that are not on the shelf as they should be; raises RefusedError."""
    return Shorted.model_validate(await caller.act(_SERVICE, f"/staff/pick-lists/{list_id}/shorts", body, key=key))


def wants_a_tote(error: RefusedError, tote: str) -> bool:
    """Say whether a refused item only needs its tote scanned too."""
    return error.code == "wrong_tote" and not tote

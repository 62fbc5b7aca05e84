"""The care queue: which cases somebody wants to see, read from care, with incidents and approvals beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from services.console.actions.picking import read_places
from services.console.errors import ServiceAwayError
from services.console.models import SavedView
from services.console.navigation import page_address
from services.console.neighbours import Caller, Said
from services.console.queries import care as queries
from services.console.schemas.care import Counts, Incidents, Queue, Remedies
from services.console.wording import say
from shared import clock
from shared.db import Transaction
from shared.errors import ConflictError, InvalidError

MOST_CASES = 50
"""So many cases are shown at first, and more with each "Show more"."""
MOST_SHOWN = 500
MOST_CHOSEN = 100
"""So many of them care changes in one act."""
MOST_APPROVALS = 100
_SERVICE = "care"
_DUE_SOON = timedelta(hours=4)
_WORKED = ("open", "in_progress")
_WAITING = ("waiting_customer", "waiting_carrier", "waiting_warehouse", "waiting_approval")
ACTIVE = (*_WORKED, *_WAITING)
"""States in which somebody may take a case."""
VIEWS: Mapping[str, str] = {
    "all": "All open", "mine": "Mine", "unassigned": "Unassigned", "due": "Due soon", "waiting": "Waiting",
    "resolved": "Resolved",
}  # fmt: skip
FAMILIES = ("delivery", "condition", "stock", "flow")
PRIORITIES = ("P1", "P2", "P3", "P4")
KINDS = (
    "address_problem", "backorder_slip", "carrier_hold", "damage", "delivery_problem", "failed_attempt",
    "fulfilment_overdue", "lost", "loss_suspected", "missing_item", "no_consent", "no_first_scan", "not_received",
    "preship_risk", "promise_breached", "returned_to_sender", "short_pick", "stalled", "stuck_flow", "transit_risk",
    "unknown_code", "voided_label_used", "wrong_item",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases to show: a built-in view, narrowed; empty fields narrow nothing."""

    view: str = "all"
    kind: str = ""
    family: str = ""
    priority: str = ""
    assignee: str = ""
    incident: str = ""
    location: str = ""
    q: str = ""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Wanted":
        """Read an address's or a saved view's fields; what is unknown is left out."""
        known = {field.name: said[field.name].strip()[:100] for field in fields(cls) if said.get(field.name)}
        known["view"] = known.get("view", "") if known.get("view") in VIEWS else "all"
        known["incident"] = known.get("incident", "") if _is_id(known.get("incident", "")) else ""
        return cls(**known)

    @classmethod
    def at(cls, address: str) -> "Wanted":
        """Read where the console shows the queue."""
        return cls.of(dict(parse_qsl(urlsplit(address).query)))

    @property
    def said(self) -> dict[str, str]:
        """The fields that narrow something."""
        return {name: value for name, value in asdict(self).items() if value and (name, value) != ("view", "all")}

    @property
    def lasting(self) -> "Wanted":
        """What is worth coming back to another day: no number somebody looked for, and no incident."""
        return replace(self, q="", incident="")

    @property
    def address(self) -> str:
        """Where the console shows this."""
        return address_of(self, MOST_CASES)

    def without(self, name: str) -> str:
        """Give where the console shows this without what one field narrows."""
        return replace(self, **{name: "all" if name == "view" else ""}).address

    @property
    def narrowed(self) -> bool:
        """Whether more than a built-in view is asked for."""
        return bool(set(self.said) - {"view"})


def _is_id(said: str) -> bool:
    try:
        return bool(UUID(said))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class View:
    """A view as the queue offers it, with how many cases it has."""

    id: str
    name: str
    address: str
    count: int
    is_own: bool
    is_shown: bool


def _asked(wanted: Wanted, me: str) -> list[tuple[str, str]]:
    """Give the query that care answers; a number is looked for among all cases, ended ones too."""
    asked = [(name, getattr(wanted, name)) for name in ("kind", "family", "priority", "assignee", "location")]
    if wanted.q:
        return [("number", wanted.q)]
    states: Sequence[str] = ACTIVE
    if wanted.view == "unassigned":
        asked.append(("unassigned", "true"))
    elif wanted.view == "mine":
        asked.append(("assignee", me))
    elif wanted.view == "due":
        asked.append(("due_before", (clock.now() + _DUE_SOON).isoformat()))
    elif wanted.view == "waiting":
        states = _WAITING
    elif wanted.view == "resolved":
        states = ("resolved",)
    if wanted.incident:
        asked.append(("incident_id", wanted.incident))
    named = [(name, value) for name, value in asked if value]
    return [*named, *(("state", state) for state in states)]


def next_of(wanted: Wanted) -> dict[str, str]:
    """Give what care serves the next case from: the cases shown, as far as nobody is on them."""
    named = {name: getattr(wanted, name) for name in ("kind", "family", "priority", "location")}
    named["incident_id"] = wanted.incident
    if wanted.view == "due":
        named["due_before"] = (clock.now() + _DUE_SOON).isoformat()
    return {name: value for name, value in named.items() if value}


def address_of(wanted: Wanted, shown: int) -> str:
    """Give where the console shows these cases, and so many of them."""
    return page_address("/care", {**(wanted.said or {"view": "all"}), "shown": shown if shown > MOST_CASES else 0})


async def read_queue(caller: Caller, wanted: Wanted, me: str, shown: int = MOST_CASES) -> Queue:
    """Read the first `shown` of the cases somebody wants to see, the nearest due clock first."""
    asked: dict[str, tuple[str, ...]] = {"limit": (str(MOST_CASES),)}
    for name, value in _asked(wanted, me):
        asked[name] = (*asked.get(name, ()), value)
    found = await caller.get(_SERVICE, "/staff/cases", Queue, **asked)
    cases = found.data
    while found.next_cursor and len(cases) < min(shown, MOST_SHOWN):
        found = await caller.get(_SERVICE, "/staff/cases", Queue, **asked, cursor=found.next_cursor)
        cases = [*cases, *found.data]
    return Queue(data=cases, next_cursor=found.next_cursor)


async def read_views(caller: Caller, saved: Sequence[SavedView], wanted: Wanted, me: str) -> list[View]:
    """Give the built-in views and somebody's own, each with how many cases it shows, asked for all at once."""
    shown = [(slug, say(words), Wanted(slug)) for slug, words in VIEWS.items()]
    shown += [(str(view.id), view.name, Wanted.of(view.wanted)) for view in saved]
    asked = tuple(urlencode(_asked(one, me)) for _, _, one in shown)
    counts = (await caller.get(_SERVICE, "/staff/cases/counts", Counts, view=asked)).data
    return [
        View(slug, name, one.address, count, is_own=slug not in VIEWS, is_shown=one == wanted)
        for (slug, name, one), count in zip(shown, counts, strict=True)
    ]


async def read_warehouses(caller: Caller, wanted: Wanted) -> list[tuple[str, str]]:
    """List the warehouses to narrow by, (code, name): all that inventory tells of, and the one that is asked for."""
    try:
        places = {place.code: place.name for place in await read_places(caller, [])}
    except ServiceAwayError:
        places = {}
    if wanted.location:
        places.setdefault(wanted.location, wanted.location)
    return sorted(places.items(), key=lambda place: place[1])


async def read_incidents(caller: Caller) -> Incidents:
    """Read the incidents that are going on."""
    return await caller.get(_SERVICE, "/staff/incidents", Incidents, open="true")


async def read_approvals(caller: Caller, shown: int) -> Remedies:
    """Read the first `shown` of the remedies that wait for somebody's approval, those that wait longest first."""
    found = await _list_approvals(caller, MOST_APPROVALS)
    remedies = found.data
    while found.next_cursor and len(remedies) < min(shown, MOST_SHOWN):
        found = await _list_approvals(caller, MOST_APPROVALS, found.next_cursor)
        remedies = [*remedies, *found.data]
    return Remedies(data=remedies, next_cursor=found.next_cursor, total=found.total)


def approvals_address(shown: int) -> str:
    """Give where the console shows so many of them."""
    return page_address("/care/approvals", {"shown": shown if shown > MOST_APPROVALS else 0})


async def count_approvals(caller: Caller) -> int:
    """Count the remedies that wait for somebody's approval."""
    return (await _list_approvals(caller, 1)).total


async def _list_approvals(caller: Caller, limit: int, after: UUID | None = None) -> Remedies:
    asked: dict[str, Said] = {"state": "waiting_approval", "limit": limit, "cursor": str(after) if after else None}
    return await caller.get(_SERVICE, "/staff/remedies", Remedies, **asked)


async def save_view(tx: Transaction, staff_id: UUID, name: str, wanted: Wanted) -> None:
    """Keep what somebody looks at under a name, in place of an older one of that name; raises ConflictError."""
    views = await queries.list_views(tx, staff_id)
    if len(views) >= queries.MOST_VIEWS and name not in {view.name for view in views}:
        raise ConflictError(f"{queries.MOST_VIEWS} views are the most; delete one first")
    await queries.put_view(tx, staff_id, name, wanted.said)


def read_chosen(chosen: Sequence[str]) -> list[dict[str, object]]:
    """Read ticked boxes, `id:version` each; raises InvalidError when there is none or one cannot be."""
    if not chosen:
        raise InvalidError("choose at least one case")
    read: list[dict[str, object]] = []
    for one in chosen[:MOST_CHOSEN]:
        case_id, _, version = one.partition(":")
        try:
            read.append({"id": str(UUID(case_id)), "version": int(version)})
        except ValueError:
            raise InvalidError("a chosen case cannot be read: reload the page") from None
    return read

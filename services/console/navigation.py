"""Which pages there are, and who is shown them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from shared.auth import SCOPES, Role, Scope


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation: shown to whoever has any of its scopes; `about` is its line on the first page."""

    path: str
    title: str
    icon: str
    about: str
    scopes: frozenset[Scope]


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "/look-up", "Look up", "search", "Find an order by whatever the caller has in hand.", frozenset({Scope.LOOK_UP})
    ),
    Entry("/care", "Care", "heart", "Cases by their nearest clock, remedies, approvals.", frozenset({Scope.CASE})),
    Entry("/floor", "Floor", "board", "Who picks what, what is late and why.", frozenset({Scope.WAREHOUSE})),
    Entry("/pick", "Pick", "scan", "Walk a pick list, bin by bin, with a scanner.", frozenset({Scope.PICK})),
    Entry("/pack", "Pack", "box", "Scan a tote into a parcel, weigh it, close it, label it.", frozenset({Scope.PICK})),
    Entry(
        "/dispatch",
        "Dispatch",
        "truck",
        "Scan parcels into the truck; what must not leave stays.",
        frozenset({Scope.PICK}),
    ),
    Entry(
        "/stock", "Stock", "shelf", "Receive deliveries, count shelves, send transfers.", frozenset({Scope.WAREHOUSE})
    ),
    Entry(
        "/overview",
        "Overview",
        "chart",
        "Orders by stage, backlog, promises kept, by day, warehouse and carrier.",
        frozenset({Scope.WAREHOUSE, Scope.CASE_LEAD}),
    ),
    Entry(
        "/operations",
        "Operations",
        "pulse",
        "How the services are, pauses, stuck messages, stock drift, audit trail.",
        frozenset({Scope.OPERATE}),
    ),
    Entry(
        "/people", "People", "person", "Who may sign in, and how they get a password.", frozenset({Scope.ADMINISTER})
    ),
)


def entries_for(role: Role) -> list[Entry]:
    """Give the pages a role is shown."""
    return [entry for entry in ENTRIES if entry.scopes & SCOPES[role]]


def page_address(path: str, said: Mapping[str, str | int]) -> str:
    """Give where the console shows a page, asked for what is said; what is empty is left out."""
    asked = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{asked}" if asked else path

"""Which pages there are, and who is shown them."""

from dataclasses import dataclass

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
    Entry("/pick", "Pick", "scan", "Walk a pick list, bin by bin, with a scanner.", frozenset({Scope.PICK})),
)


def entries_for(role: Role) -> list[Entry]:
    """Give the pages a role is shown."""
    return [entry for entry in ENTRIES if entry.scopes & SCOPES[role]]

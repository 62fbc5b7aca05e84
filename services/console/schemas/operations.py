"""What the operators' pages read of the services' answers."""

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import JsonValue

from services.console.schemas import Read

_DONE_TO_ORDERS = frozenset({
    "apply_hold", "release_hold", "revise_promise", "drive_again", "reject_order", "write_off", "ask_erasure",
    "erase_customer", "export_customer", "send_again",
})  # fmt: skip
R = TypeVar("R", bound=Read)


def order_id_in(key: object) -> UUID | None:
    """Give the order's id that a key is; None for any other key."""
    try:
        return UUID(str(key))
    except ValueError:
        return None


class Excerpt(Read, Generic[R]):
    """The first rows of a list that has `total`."""

    data: list[R]
    total: int


class Switch(Read):
    """A kind of work that a service lets operators pause."""

    kind: str
    scopes: list[str]


class Vitals(Read):
    """How a service is."""

    outbox_rows: int
    outbox_seconds: float
    parked: int
    dead_events: int
    dead_letters: int
    overdue: int
    workers: int
    published: int
    consumed: dict[str, int]
    switches: list[Switch]


class Pause(Read):
    """A switch that is set."""

    kind: str
    scope: str
    reason: str
    actor: str
    at: datetime


class Pauses(Read):
    """Switches that are set."""

    data: list[Pause]


class ParkedEvent(Read):
    """An event that waits for its turn, or was given up and blocks its stream."""

    event_id: str
    headers: dict[str, object]
    key: str
    source: str
    sequence: int
    state: str
    attempts: int
    parked_at: datetime
    reason: str

    @property
    def order_id(self) -> UUID | None:
        """The order it is about; none when it is about stock."""
        return order_id_in(self.key)

    @property
    def type(self) -> str:
        """What happened, without the rest of the event's name."""
        return str(self.headers.get("ce_type", "")).removesuffix(".v1").rpartition(".")[2] or "unknown"


class Cause(Read):
    """What events died of, and how many."""

    reason: str
    count: int


class ParkedEvents(Excerpt[ParkedEvent]):
    """Parked events, the dead ones first, and what the dead ones died of."""

    causes: list[Cause]


class Letter(Read):
    """A record that could not be read."""

    id: int
    topic: str
    partition: int
    offset: int
    error: str


class Revived(Read):
    """How many events are tried again."""

    count: int


class Details(Read):
    """Everything that is known of one."""

    data: dict[str, object]


class AuditRow(Read):
    """Who did what, and what it changed."""

    id: int | UUID
    at: datetime
    actor: str
    act: str
    subject: str
    reason: str
    before: JsonValue = None
    after: JsonValue = None
    cause: str = ""

    @property
    def order_id(self) -> UUID | None:
        """The order it was done to, if it was one."""
        return order_id_in(self.subject) if self.act in _DONE_TO_ORDERS else None

    @property
    def changes(self) -> list[tuple[str, JsonValue, JsonValue]]:
        """What was changed: (name, before, after), a whole value under no name."""
        if isinstance(self.before, dict) and isinstance(self.after, dict):
            names = [*self.before, *(name for name in self.after if name not in self.before)]
            pairs = [(name, self.before.get(name), self.after.get(name)) for name in names]
            return [(name, was, became) for name, was, became in pairs if was != became]
        return [] if self.before is None and self.after is None else [("", self.before, self.after)]


class AuditRows(Read):
    """The audit trail."""

    data: list[AuditRow]


class DriftRow(Read):
    """A stock row that is not what its ledger and reservations say."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    ledger_on_hand: int
    ledger_reserved: int
    ledger_damaged: int
    ledger_quarantined: int
    held: int


class Drift(Excerpt[DriftRow]):
    """Stock rows that drifted."""


class OverdueRow(Read):
    """Something that has stayed in its state too long."""

    kind: str
    subject: str
    order_id: UUID | None
    state: str
    due_at: datetime

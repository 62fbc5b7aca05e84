"""What a database holds of people: every column says so, and an erasure and an export go by what the columns say."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.audit import audit
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import CustomerErased

_UUID7 = 7
_BATCH = 20_000
_MOST_BATCHES = 500
_SLACK = timedelta(minutes=5)


class Kind(StrEnum):
    """What a column tells of a customer."""

    CONTACT = "name, e-mail, phone"
    ADDRESS = "address"
    KEY = "a key that leads to the person"
    WORDS = "free words"
    PLACE = "where a parcel was scanned"
    PICTURE = "picture"
    LABEL = "label"
    MESSAGE = "a message of anybody's"


@dataclass(frozen=True, slots=True)
class Personal:
    """A column about a customer; `left` is the SQL expression that an erasure puts in its place."""

    kind: Kind
    left: str = "''"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: which of its columns of text, JSON or bytes tell of a customer, which of staff, which of nobody.

    `of` is the SQL condition by which rows belong to the order $1. Of a table that says it, an export gives whole rows
    but for the columns of staff and the `hidden` ones. Where `goes`, an erasure deletes the rows.
    """

    name: str
    plain: str = ""
    staff: str = ""
    personal: Mapping[str, Personal] = field(default_factory=dict)
    of: str = ""
    goes: bool = False
    hidden: str = ""

    @property
    def classified(self) -> list[str]:
        """Name every column that somebody thought about."""
        return [*self.plain.split(), *self.staff.split(), *self.personal]


_FOREIGN = Personal(Kind.MESSAGE)
PLUMBING = (
    Table("alembic_version", "version_num"),
    Table("stream", "key traceparent"),
    Table("outbox", "topic key type headers payload"),
    Table("event_log", "topic key type headers payload"),
    Table("inbox", "consumer"),
    Table("stream_position", "consumer source key"),
    Table("parked", "consumer source key topic headers payload state reason"),
    Table(
        "dead_letter",
        "consumer topic reason key fingerprint state",
        personal={"payload": _FOREIGN, "headers": _FOREIGN, "error": _FOREIGN},
    ),
    Table("idempotency", "scope key fingerprint headers", personal={"body": _FOREIGN}),
    Table("pause_switch", "kind scope reason", staff="actor"),
    Table("audit", "act subject reason before after cause", staff="actor"),
    Table("overdue", "kind subject order_id state"),
)
"""Of what every service has: events tell of nobody, but a record that cannot be read may hold anything."""

_ANSWERS = f"""
with batch as (
  select scope, key, created_at from idempotency where created_at > $2 order by created_at
  fetch first {_BATCH} rows with ties
), forgotten as (
  update idempotency i set body = jsonb_strip_nulls(
    jsonb_build_object('id', i.body -> 'id', 'order_id', i.body -> 'order_id', 'erased', true))
  from batch b where i.scope = b.scope and i.key = b.key and i.body is not null
    and (position($1 in i.scope) > 0 or position($1 in i.body::text) > 0)
)
select max(created_at) from batch
"""
_LETTERS = """
update dead_letter set payload = null, headers = '{}', error = ''
where key = $1 or position($1 in coalesce(payload, '')) > 0
"""


async def erase(tx: Transaction, tables: Iterable[Table], order_id: UUID, *, answers: bool = True) -> None:
    """Leave nothing of an order's customer in these tables, in dead letters and, if they may tell, in answers."""
    for table in tables:
        if not table.of or not (table.goes or table.personal):
            continue
        changes = ", ".join(f"{name} = {column.left}" for name, column in table.personal.items())
        act = f"delete from {table.name}" if table.goes else f"update {table.name} set {changes}"
        await tx.execute(f"{act} where {table.of}", str(order_id))
    await tx.execute(_LETTERS, str(order_id))
    if answers:
        await _forget_answers(tx, order_id)


async def _forget_answers(tx: Transaction, order_id: UUID) -> None:
    """Leave ids only of the stored answers about an order; their keys go on refusing a second effect."""
    since: datetime | None = _made_at(order_id) - _SLACK
    for _ in range(_MOST_BATCHES):
        since = await tx.value(_ANSWERS, str(order_id), since)
        if since is None:
            return


def _made_at(order_id: UUID) -> datetime:
    """Give when an order's id was made, by the id itself: no answer about it is older."""
    milliseconds = order_id.int >> 80 if order_id.version == _UUID7 else 0
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else datetime(1970, 1, 2, tzinfo=UTC)


async def erase_customers(
    tx: Transaction, tables: Sequence[Table], events: Sequence[Received[CustomerErased]], *, answers: bool = True
) -> list[UUID]:
    """Follow orders in erasing customers, and keep in the audit trail that it was done; gives their orders."""
    order_ids = [received.event.order_id for received in events]
    for order_id in order_ids:
        await erase(tx, tables, order_id, answers=answers)
        await audit(tx, actor="orders", act="erase_customer", subject=str(order_id), reason="erased by orders")
    return order_ids


async def collect(tx: Transaction, tables: Iterable[Table], order_id: UUID) -> dict[str, list[dict[str, object]]]:
    """Give all rows of an order by table, but for what names our staff; bytes as base64, empty tables left out."""
    found: dict[str, list[dict[str, object]]] = {}
    for table in tables:
        if not table.of:
            continue
        left_out = {*table.staff.split(), *table.hidden.split()}
        rows = await tx.fetch(f"select * from {table.name} where {table.of}", str(order_id))
        if rows:
            found[table.name] = [
                {name: _plain(value) for name, value in row.items() if name not in left_out} for row in rows
            ]
    return found


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime, UUID)):
        return value.isoformat() if isinstance(value, datetime) else str(value)
    return value

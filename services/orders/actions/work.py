"""One unit of work over some orders: their rows in hand, what was said of them, all written at its end."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlmodel import SQLModel

from services.orders.actions import facts
from services.orders.models import Document, OrderRecord, ProgressRow, PublicEvent, TimelineEntry
from services.orders.queries import orders, rows
from shared.db import Transaction
from shared.errors import NotYetError
from shared.events.base import Event, Received
from shared.ids import new_id


class Work:
    """The orders of one action, locked; a row that is in hand is replaced, its documents never changed in place."""

    def __init__(self, tx: Transaction, records: dict[UUID, OrderRecord]) -> None:
        self.tx = tx
        self.records = records
        self._before = {id(row): rows.as_row(row) for record in records.values() for row in _rows_of(record)}
        self._extra: list[SQLModel] = []
        self._progress: dict[tuple[UUID, str, str], ProgressRow] = {}
        self._public: list[tuple[OrderRecord, PublicEvent]] = []
        self._told: set[UUID] = set()

    @classmethod
    async def open(cls, tx: Transaction, order_ids: Iterable[UUID]) -> Self:
        """Lock and load these orders; raises NotYetError naming those that do not exist."""
        wanted = sorted(set(order_ids))
        records = await orders.lock_orders(tx, wanted)
        missing = [order_id for order_id in wanted if order_id not in records]
        if missing:
            raise NotYetError(frozenset(str(order_id) for order_id in missing), "the order is not known here")
        return cls(tx, records)

    @classmethod
    async def open_linked(cls, tx: Transaction, order_ids: Iterable[UUID]) -> Self:
        """Lock these orders and all that they are reshipments of."""
        wanted = list(order_ids)
        return await cls.open(tx, [*wanted, *await orders.originals_of(tx, wanted)])

    async def reach(self, order_ids: Iterable[UUID]) -> None:
        """Lock and load more orders; only later ones than those in hand, so that locks are taken in one order."""
        more = await orders.lock_orders(self.tx, sorted(set(order_ids) - self.records.keys()))
        self._before |= {id(row): rows.as_row(row) for record in more.values() for row in _rows_of(record)}
        self.records |= more

    def payer_of(self, record: OrderRecord) -> OrderRecord:
        """Give the order that was paid for: a reshipment costs nothing, its money is that of the first original."""
        while record.head.reship_of is not None and record.head.reship_of in self.records:
            record = self.records[record.head.reship_of]
        return record

    @property
    def now(self) -> datetime:
        """Business time of this action."""
        return self.tx.now

    def adopt(self, record: OrderRecord) -> None:
        """Take in an order that this action makes."""
        self.records[record.id] = record

    def add(self, row: SQLModel) -> None:
        """Write one more row at the end."""
        self._extra.append(row)

    def say(self, record: OrderRecord, fact: Event, *, actor: str = "orders") -> None:
        """Publish a fact of ours and put it on the timeline."""
        self.tx.publish(fact)
        self._tell(record, fact, "orders", actor, self.now)

    def hear(self, received: Received[Event], record: OrderRecord) -> None:
        """Put a fact of another service on the timeline."""
        self._tell(record, received.event, received.source, received.source, received.occurred_at)

    def announce(self, record: OrderRecord, event_type: str, data: Document | None = None) -> None:
        """Tell the storefront, in its feed and by webhook."""
        head = record.head
        event = PublicEvent(
            id=new_id(),
            storefront_id=head.storefront_id,
            type=event_type,
            order_id=head.id,
            reference=head.reference,
            test=head.test,
            created_at=self.now,
            data=data or {},
        )
        self._public.append((record, event))

    def _tell(self, record: OrderRecord, fact: Event, source: str, actor: str, at: datetime) -> None:
        name = facts.name_of(fact)
        telling = facts.TELLINGS[name]
        self._told.add(record.id)
        self._extra.append(
            TimelineEntry.of(
                {
                    "order_id": record.id,
                    "occurred_at": at,
                    "recorded_at": self.now,
                    "source": source,
                    "fact": name,
                    "audience": "public" if telling.public else "internal",
                    "actor": actor,
                    "details": facts.details_of(fact),
                },
            )
        )
        progress = facts.progress_of(fact)
        if progress is not None and telling.stage:
            subject = str(getattr(fact, telling.subject)) if telling.subject else ""
            row = {"order_id": record.id, "stage": telling.stage, "subject": subject, "fact": name}
            self._progress[record.id, name, subject] = ProgressRow.of({**row, **dict(progress)})

    async def save(self) -> None:
        """Write what changed; a changed order has a new version."""
        changed: list[SQLModel] = []
        for record in self.records.values():
            touched = [row for row in _rows_of(record) if self._before.get(id(row)) != rows.as_row(row)]
            if touched:
                if id(record.head) in self._before:
                    record.head.version += 1
                record.head.updated_at = self.now
                changed.extend(row for row in touched if row is not record.head)
                changed.append(record.head)
        for record, event in self._public:
            event.data = {"order": facts.order_summary(record), **event.data}
        public = [event for _, event in self._public]
        await rows.save(self.tx, [*changed, *self._extra, *self._progress.values(), *public])


def _rows_of(record: OrderRecord) -> Sequence[SQLModel]:
    return (
        record.head,
        record.promise,
        *record.lines,
        *record.holds,
        *record.releases,
        *record.cancellations,
        *record.parcels,
        *record.remedies,
        *record.refunds,
    )

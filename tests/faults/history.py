"""What clients saw acknowledged, a line of a file each, and whether all of it is in effect in the databases."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from deploy.local.stack import LocalStack
from tests.faults.lines import Lines
from tests.faults.look import rows
from tests.journeys.shop import Json

_HEADS = """
select id::text as order_id, customer as contact, address as shipping_address, ship_after, authorized, captured,
  refunded, voided
from orders where id = any($1::uuid[])
"""
_LINES = "select order_id::text as order_id, reference, quantity from order_line where order_id = any($1::uuid[])"
_CANCELLATIONS = """
select id::text as id, order_id::text as order_id, state, lines from cancellation
where order_id = any($1::uuid[]) and reason = 'customer' and remedy_id is null
"""
_REPORTS = """
select order_id::text as order_id, type, amount, refund_id::text as refund_id from payment_report
where order_id = any($1::uuid[])
"""
_TOTALS = ("authorized", "captured", "refunded", "voided")
Payment = tuple[str, str, int, str | None]


class Act(StrEnum):
    """What a client does."""

    PLACED = "placed"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    PAID = "paid"


@dataclass(frozen=True)
class Entry:
    """An acknowledged operation on an order: what was sent, and what was answered of it."""

    act: Act
    order: str
    reference: str
    sent: Json = field(default_factory=dict)
    answered: Json = field(default_factory=dict)

    @property
    def payment(self) -> Payment:
        """Give what makes one movement of money."""
        return self.order, self.sent["type"], self.sent["amount"]["amount"], self.sent.get("refund_id")


class History(Lines[Entry]):
    """What customers saw acknowledged."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, lambda act, **entry: Entry(Act(act), **entry))

    def placed(self) -> list[tuple[str, str]]:
        """Read (reference, order id) of all orders that were acknowledged."""
        return [(entry.reference, entry.order) for entry in self.entries() if entry.act is Act.PLACED]


@dataclass(frozen=True)
class Effects:
    """What orders has of some orders: the other side of their clients' history."""

    heads: Mapping[str, asyncpg.Record]
    quantities: Mapping[tuple[str, str], int]
    cancellations: Sequence[asyncpg.Record]
    payments: Mapping[Payment, int]

    @classmethod
    async def read(cls, stack: LocalStack, entries: Sequence[Entry]) -> "Effects":
        """Read them from the database."""
        ids = [UUID(order) for order in {entry.order for entry in entries}]
        heads, lines, cancellations, reports = [
            await rows(stack, "orders", sql, ids) for sql in (_HEADS, _LINES, _CANCELLATIONS, _REPORTS)
        ]
        return cls(
            {row["order_id"]: row for row in heads},
            {(row["order_id"], row["reference"]): row["quantity"] for row in lines},
            cancellations,
            Counter((row["order_id"], row["type"], row["amount"], row["refund_id"]) for row in reports),
        )

    def lost(self, entries: Sequence[Entry]) -> list[str]:
        """Say of each change, cancellation and payment that was acknowledged what is not in effect."""
        payments = Counter(entry.payment for entry in entries if entry.act is Act.PAID)
        lost = [f"{payment} was acknowledged {count} times" for payment, count in payments.items()
                if self.payments.get(payment, 0) < count]  # fmt: skip
        for entry in entries:
            if entry.act is Act.PAID and not self._is_in_totals(entry):
                lost.append(f"{entry.reference}: the totals lack what was answered: {entry.answered}")
            if entry.act is Act.CANCELLED and not self._is_cancelled(entry):
                lost.append(f"{entry.reference}: its cancellation was acknowledged: {entry.answered}")
        return [*lost, *self._unchanged(entries)]

    def doubled(self, entries: Sequence[Entry]) -> list[str]:
        """Say what was acknowledged once and is in effect twice, and cancellations in effect that nobody saw."""
        payments = Counter(entry.payment for entry in entries if entry.act is Act.PAID)
        asked = {entry.answered["id"] for entry in entries if entry.act is Act.CANCELLED}
        return [
            *(f"{payment} is booked {self.payments[payment]} times" for payment, count in payments.items()
              if self.payments.get(payment, 0) > count),
            *(f"nobody saw cancellation {row['id']} of {row['order_id']}" for row in self.cancellations
              if row["id"] not in asked),
        ]  # fmt: skip

    def _is_cancelled(self, entry: Entry) -> bool:
        """Say whether the request is there as it was acknowledged, and has its answer: at rest nothing waits."""
        wanted = {line["line_id"]: line["quantity"] for line in entry.answered["lines"]}
        found = next((row for row in self.cancellations if row["id"] == entry.answered["id"]), None)
        return (
            found is not None
            and (found["order_id"], found["state"]) == (entry.order, "answered")
            and {line["line_id"]: line["quantity"] for line in found["lines"]} == wanted
        )

    def _is_in_totals(self, entry: Entry) -> bool:
        head = self.heads.get(entry.order)
        return head is not None and all(head[name] >= entry.answered[name] for name in _TOTALS)

    def _unchanged(self, entries: Sequence[Entry]) -> Iterator[str]:
        """Hold every order to the last change of each of its parts."""
        wanted: dict[tuple[str, str, str], tuple[str, Any]] = {}
        for entry in entries:
            if entry.act is Act.CHANGED:
                wanted |= {(entry.order, *part): (entry.reference, value) for part, value in _parts(entry.sent)}
        for (order, kind, name), (reference, value) in wanted.items():
            found = self._part(order, kind, name)
            if found != value:
                yield f"{reference}: {kind} {name} is {found!r}, the change to {value!r} was acknowledged"

    def _part(self, order: str, kind: str, name: str) -> object:
        if kind == "lines":
            return self.quantities.get((order, name))
        found = self.heads[order][kind] if order in self.heads else None
        return found.get(name) if isinstance(found, Mapping) else found


def _parts(sent: Json) -> Iterator[tuple[tuple[str, str], Any]]:
    for kind, value in sent.items():
        if kind == "lines":
            yield from (((kind, line["reference"]), line["quantity"]) for line in value)
        elif isinstance(value, Mapping):
            yield from (((kind, name), part) for name, part in value.items())
        else:
            yield (kind, ""), datetime.fromisoformat(value)

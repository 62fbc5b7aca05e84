"""Finding the one order a caller names, locked for a change or only read; another storefront's does not exist."""

from uuid import UUID

from services.orders.actions.work import Work
from services.orders.errors import OrderEndedError, OrderNotFoundError
from services.orders.models import OrderLine, OrderRecord
from services.orders.queries import orders
from services.orders.schemas.intake import LineChange
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import FieldError, InvalidError


async def order_id_of(tx: Transaction, who: Principal, named: str) -> UUID:
    """Give the order's id; raises OrderNotFoundError."""
    found = await orders.get_order_id(tx, who.storefront_id, named, test=who.test)
    if found is None:
        raise OrderNotFoundError(f"no order {named[:100]!r}")
    return found


async def read_order(tx: Transaction, who: Principal, named: str) -> OrderRecord:
    """Load an order; raises OrderNotFoundError."""
    order_id = await order_id_of(tx, who, named)
    return (await orders.load_orders(tx, [order_id]))[order_id]


async def open_order(tx: Transaction, who: Principal, named: str) -> tuple[Work, OrderRecord]:
    """Lock an order for a change; raises OrderNotFoundError."""
    order_id = await order_id_of(tx, who, named)
    work = await Work.open(tx, [order_id])
    return work, work.records[order_id]


def refuse_if_ended(record: OrderRecord) -> None:
    """Raise OrderEndedError when nothing more can be changed."""
    if record.is_ended:
        raise OrderEndedError(f"the order is {record.head.state}", extra={"status": str(record.head.state)})


def named_lines(record: OrderRecord, changes: list[LineChange]) -> list[tuple[OrderLine, int]]:
    """Find the lines that a request names by id or reference; raises InvalidError naming all it does not find."""
    errors: list[FieldError] = []
    found: dict[UUID, tuple[OrderLine, int]] = {}
    for number, change in enumerate(changes):
        line = next(
            (one for one in record.lines if change.line_id == one.id or change.reference == one.reference), None
        )
        if line is None:
            errors.append(FieldError(f"/lines/{number}", "unknown_line", "name a line_id or reference of this order"))
        elif line.id in found:
            errors.append(FieldError(f"/lines/{number}", "duplicate", "this line is named twice"))
        else:
            found[line.id] = line, change.quantity
    if errors:
        raise InvalidError("some lines cannot be found", errors=tuple(errors))
    return list(found.values())

"""Payment reports, refund instructions and remedies."""

from uuid import UUID

from services.orders.models import PaymentReport, Refund
from services.orders.queries.orders import Owner, as_model
from shared.db import Transaction

_REFUNDS = """
select r.* from refund r join orders o on o.id = r.order_id
where r.storefront_id = $1 and o.test = $2 and ($3::text is null or r.state = $3) and ($4::uuid is null or r.id > $4)
order by r.id limit $5
"""


async def get_report(tx: Transaction, order_id: UUID, kind: str, reference: str) -> PaymentReport | None:
    """Give what the storefront reported under a reference before."""
    row = await tx.row(
        "select * from payment_report where order_id = $1 and type = $2 and reference = $3 "
        "order by reported_at limit 1",
        order_id,
        kind,
        reference,
    )
    return as_model(PaymentReport, row) if row is not None else None


async def list_refunds(
    tx: Transaction, owner: Owner, state: str | None, cursor: UUID | None, limit: int
) -> list[Refund]:
    """List a page of a storefront's refund instructions by id, which says nothing of when they were given."""
    rows = await tx.fetch(_REFUNDS, *owner, state, cursor, limit)
    return [as_model(Refund, row) for row in rows]

"""Payment reports, refund instructions and remedies."""

from uuid import UUID

from services.orders.models import Refund
from services.orders.queries.orders import as_model
from shared.db import Transaction


async def has_report(tx: Transaction, order_id: UUID, kind: str, reference: str) -> bool:
    """Say whether the storefront reported this before."""
    return bool(
        await tx.value(
            "select exists (select from payment_report where order_id = $1 and type = $2 and reference = $3)",
            order_id,
            kind,
            reference,
        )
    )


async def list_refunds(tx: Transaction, storefront_id: UUID, state: str | None, limit: int) -> list[Refund]:
    """List a storefront's refund instructions, oldest first."""
    rows = await tx.fetch(
        "select * from refund where storefront_id = $1 and ($2::text is null or state = $2) order by id limit $3",
        storefront_id,
        state,
        limit,
    )
    return [as_model(Refund, row) for row in rows]

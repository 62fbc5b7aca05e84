"""What other services ask: who gets the goods, whose caller is verified, where an order stands, another date."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.orders.actions import amending, callers, reading
from services.orders.schemas.callers import CallerVerified
from services.orders.schemas.staff import RevisePromise
from services.orders.schemas.views import EnclosureView, OrderNumbers, OrderView, RecipientView, SummaryView
from shared.auth import Internal, LookUp, Picker
from shared.doors import Mutation, Tx, public_router

router = public_router(prefix="/internal", tags=["internal"])


@router.get("/orders/{order_id}/recipient")
async def read_recipient(order_id: UUID, tx: Tx, who: Internal) -> RecipientView:
    """Say who gets the goods; not to be stored."""
    return await reading.read_recipient(tx, who, order_id)


@router.get("/orders/{order_id}/caller")
async def read_caller(
    order_id: UUID, tx: Tx, who: Internal, actor: Annotated[str, Query(min_length=1, max_length=300)]
) -> CallerVerified:
    """Say until when a person of the staff has verified the order's caller."""
    return await callers.show_verified(tx, who, order_id, actor)


@router.get("/orders/{order_id}/enclosure")
async def read_enclosure(order_id: UUID, tx: Tx, who: Picker) -> EnclosureView:
    """Say what the packer writes and looks at for an order; not to be stored."""
    return await reading.read_enclosure(tx, who, order_id)


@router.get("/orders/{order_id}")
async def read_summary(order_id: UUID, tx: Tx, who: Internal) -> SummaryView:
    """Say where an order stands."""
    return await reading.read_summary(tx, who, str(order_id))


@router.get("/order-numbers")
async def list_numbers(
    tx: Tx, _who: LookUp, order_id: Annotated[list[UUID], Query(min_length=1, max_length=100)]
) -> OrderNumbers:
    """Give the numbers of up to 100 orders by their ids; an id that is no order's is left out."""
    return await reading.list_numbers(tx, order_id)


@router.post("/orders/{order_id}/promises", response_model=OrderView, status_code=201)
async def revise_promise(order_id: UUID, body: RevisePromise, call: Mutation, who: Internal) -> Response:
    """Promise another date."""
    return await call.once(who, body, lambda tx: amending.revise_promise(tx, who, str(order_id), body), status=201)

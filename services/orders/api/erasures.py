"""Forgetting customers: asked for by staff who may, or by the storefront whose customer it is."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response

from services.orders.actions import erasing
from services.orders.schemas.erasures import AskErasure, AskErasureOfOrder, ErasureList
from shared.auth import Privacy, Storefront
from shared.doors import Mutation, Tx, public_router

router = public_router(tags=["personal data"])


@router.post("/staff/erasures", response_model=ErasureList, status_code=202)
async def ask_erasure(body: AskErasure, call: Mutation, who: Privacy) -> Response:
    """Forget a customer, once nothing of theirs is open any more."""
    return await call.once(who, body, lambda tx: erasing.ask_erasure(tx, who, body), status=202)


@router.get("/staff/erasures")
async def list_erasures(
    tx: Tx,
    _who: Privacy,
    state: Literal["waiting", "erased"] | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ErasureList:
    """List wishes to forget, and what they wait for."""
    return await erasing.list_erasures(tx, state, cursor, limit)


@router.post("/v1/orders/{named}/erasure", response_model=ErasureList, status_code=202)
async def ask_erasure_of_order(named: str, body: AskErasureOfOrder, call: Mutation, who: Storefront) -> Response:
    """Forget the customer of an order, once nothing of it is open any more."""
    wish = AskErasure(order=named, reason=body.reason)
    return await call.once(who, body, lambda tx: erasing.ask_erasure(tx, who, wish), status=202)

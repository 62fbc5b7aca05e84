"""What support asks of an order and the person behind it, and changes on a verified caller's word."""

from fastapi import Request, Response

from services.orders.actions import amending, callers, reading
from services.orders.queries.views import order_view
from services.orders.schemas.callers import PersonShown, PromiseHistory, VerificationView, VerifyCaller
from services.orders.schemas.intake import AmendOrder
from services.orders.schemas.views import FoundOrders, OrderView
from shared.auth import LookUp, OrderEditor
from shared.db import Transaction
from shared.doors import Mutation, Tx, etag, public_router, require_match
from shared.idempotency import Reply

router = public_router(prefix="/staff/orders/{named}", tags=["support"])


@router.get("/promises")
async def list_promises(named: str, tx: Tx, who: LookUp) -> PromiseHistory:
    """List all promises of an order, the original first."""
    return await reading.list_promises(tx, who, named)


@router.get("/related")
async def find_related(named: str, tx: Tx, who: LookUp) -> FoundOrders:
    """Find other orders of the same person; relays and proxies link nobody."""
    return await reading.find_related(tx, who, named)


@router.get("/person")
async def show_person(named: str, tx: Tx, who: OrderEditor) -> PersonShown:
    """Show who an order belongs to: masked until you have verified the caller; each look is kept."""
    return await callers.show_person(tx, who, named)


@router.post("/verifications", response_model=VerificationView, status_code=201)
async def verify_caller(named: str, body: VerifyCaller, call: Mutation, who: OrderEditor) -> Response:
    """Compare what a caller says with the order: two right answers of four."""
    return await call.once(who, body, lambda tx: callers.verify_caller(tx, who, named, body), status=201)


@router.patch("", response_model=OrderView)
async def amend_order(named: str, body: AmendOrder, request: Request, call: Mutation, who: OrderEditor) -> Response:
    """Change an order for a verified caller, before its pick starts; If-Match refuses a stale edit."""

    async def act(tx: Transaction) -> Reply:
        await callers.require_verified(tx, who, named)
        match = lambda version: require_match(request, version)  # noqa: E731 - a closure over the request
        record = await amending.amend_order(tx, who, named, body, match)
        return Reply.of(order_view(record), headers={"ETag": etag(record.head.version)})

    return await call.once(who, body, act)

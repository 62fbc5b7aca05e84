"""What a storefront does with its orders: read, change, cancel, report money."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.orders.actions import amending, cancellations, explaining, finding, paying, reading
from services.orders.queries.views import order_view
from services.orders.schemas.intake import AmendOrder, AskCancellation, ReportPayment
from services.orders.schemas.views import (
    CancellationView,
    ExplainView,
    OrderPage,
    OrderView,
    PaymentView,
    RefundList,
    TimelinePage,
)
from shared.auth import Storefront
from shared.db import Transaction
from shared.doors import Mutation, Tx, etag, public_router, require_match
from shared.fields import Moment, Serial
from shared.idempotency import Reply

router = public_router(prefix="/v1", tags=["orders"])

Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/orders")
async def list_orders(
    tx: Tx,
    who: Storefront,
    reference: str | None = None,
    updated_after: Moment | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> OrderPage:
    """List this storefront's orders in the order they came in."""
    return await reading.list_orders(tx, who, reference, updated_after, cursor, limit)


@router.get("/orders/{named}")
async def get_order(named: str, tx: Tx, who: Storefront, response: Response) -> OrderView:
    """Read an order by id, number or `ref:<reference>`."""
    record = await finding.read_order(tx, who, named)
    response.headers["ETag"] = etag(record.head.version)
    return order_view(record)


@router.get("/orders/{named}/timeline")
async def read_timeline(named: str, tx: Tx, who: Storefront, cursor: Serial = 0, limit: Limit = 100) -> TimelinePage:
    """List the public facts of an order."""
    return await reading.read_timeline(tx, who, named, cursor, limit)


@router.get("/orders/{named}/explain")
async def explain_order(named: str, tx: Tx, who: Storefront) -> ExplainView:
    """Say what blocks an order, who holds it, since when, until when, and what unblocks it."""
    return await explaining.explain_order(tx, await finding.read_order(tx, who, named))


@router.patch("/orders/{named}", response_model=OrderView)
async def amend_order(named: str, body: AmendOrder, request: Request, call: Mutation, who: Storefront) -> Response:
    """Change an order before its pick starts; If-Match refuses a stale edit."""

    async def act(tx: Transaction) -> Reply:
        match = lambda version: require_match(request, version)  # noqa: E731 - a closure over the request
        record = await amending.amend_order(tx, who, named, body, match)
        return Reply.of(order_view(record), headers={"ETag": etag(record.head.version)})

    return await call.once(who, body, act)


@router.post("/orders/{named}/cancellations", response_model=CancellationView, status_code=202)
async def ask_cancellation(named: str, body: AskCancellation, call: Mutation, who: Storefront) -> Response:
    """Ask for units to be cancelled; the outcome per line follows."""
    return await call.once(who, body, lambda tx: cancellations.ask_cancellation(tx, who, named, body), status=202)


@router.get("/orders/{named}/cancellations/{cancellation_id}")
async def get_cancellation(named: str, cancellation_id: UUID, tx: Tx, who: Storefront) -> CancellationView:
    """Read a cancellation and its outcomes."""
    return await cancellations.get_cancellation(tx, who, named, cancellation_id)


@router.post("/orders/{named}/payments", response_model=PaymentView)
async def report_payment(named: str, body: ReportPayment, call: Mutation, who: Storefront) -> Response:
    """Report what was done with the money, or confirm a refund instruction."""
    return await call.once(who, body, lambda tx: paying.report_payment(tx, who, named, body))


@router.get("/refunds")
async def list_refunds(
    tx: Tx, who: Storefront, state: str | None = None, cursor: str | None = None, limit: Limit = 100
) -> RefundList:
    """List refund instructions, in no order of time: those to carry out are `state=requested`, from the first page."""
    return await reading.list_refunds(tx, who, state, cursor, limit)

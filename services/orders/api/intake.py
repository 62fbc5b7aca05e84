"""Where orders come in: one, or many as NDJSON; and what may be offered before."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError

from services.orders.actions import intake, offering
from services.orders.actions.intake import NOBODY, Placement
from services.orders.schemas.intake import AskDeliveryOptions, PlaceOrder
from services.orders.schemas.views import AvailabilityList, DeliveryOptions, OrderView
from shared import tracing
from shared.auth import Principal, Storefront
from shared.doors import (
    MAX_BODY_BYTES,
    Call,
    Mutation,
    Tx,
    fault,
    field_errors,
    problem,
    public_router,
    request_id,
    send,
)
from shared.errors import DomainError, TooLargeError
from shared.fields import Moment
from shared.idempotency import make_claim
from shared.openapi import raw_body

_MOST_BULK_LINES = 1000
BULK_BYTES = 16 * 1024 * 1024


class _IntakeRoute(APIRoute):
    """Names beside every field of bad shape what else is wrong, so that one answer tells all."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        handle = super().get_route_handler()

        async def handle_completely(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                if not hasattr(request.state, "principal"):  # no JSON at all: that is found before anybody is asked
                    raise
                raise await _refused(request, request.state.principal, error.body, error) from error

        return handle_completely


router = public_router(prefix="/v1", tags=["orders"])
placing = public_router(prefix="/v1", tags=["orders"], route_class=_IntakeRoute)


@placing.post("/orders", response_model=OrderView, status_code=201)
async def place_order(body: PlaceOrder, call: Mutation, who: Storefront) -> Response:
    """Place an order: 201 with its promise; the same reference and content again is 200."""
    placement = Placement(who, body, call.claim(who, body), request_id(call.request), tracing.current_traceparent())
    return send(await intake.place_order(call.request.app.state.database, placement))


_BULK = raw_body(
    "application/x-ndjson",
    says=f"One order a line, each as POST /v1/orders takes it and of at most {MAX_BODY_BYTES // 1024} KB; "
    f"at most {_MOST_BULK_LINES:,} lines",
    most_bytes=BULK_BYTES,
)


@router.post("/orders/bulk", response_class=Response, openapi_extra=_BULK)
async def place_orders(request: Request, who: Storefront) -> Response:
    """Place many orders, one JSON object a line; one outcome a line, in order."""
    lines = [line for line in (await request.body()).split(b"\n") if line.strip()]
    if len(lines) > _MOST_BULK_LINES:
        raise TooLargeError(f"at most {_MOST_BULK_LINES} orders at once")
    outcomes = await asyncio.gather(*(_one_of_many(request, who, n, line) for n, line in enumerate(lines)))
    return Response(b"".join(orjson.dumps(one) + b"\n" for one in outcomes), media_type="application/x-ndjson")


async def _one_of_many(request: Request, who: Principal, number: int, line: bytes) -> dict[str, object]:
    call = Call(request)
    try:
        if len(line) > MAX_BODY_BYTES:
            raise TooLargeError(f"an order may have at most {MAX_BODY_BYTES // 1024} KB")
        try:
            body = PlaceOrder.model_validate_json(line)
        except ValidationError as error:
            raise await _refused_line(request, who, line, error) from error
        key = request.headers.get("idempotency-key")
        fields = body.model_dump(mode="json", exclude_unset=True)
        scope = f"{who.subject} POST {request.url.path}"
        claim = make_claim(scope, f"{key}/{number}" if key else None, fields, request.app.state.secret)
        placement = Placement(who, body, claim, request_id(call.request), tracing.current_traceparent())
        reply = await intake.place_order(request.app.state.database, placement)
    except DomainError as error:
        return _told(problem(request, error))
    except Exception as error:  # noqa: BLE001 - answered for this line: the others may be committed
        return _told(fault(request, error))
    return {"status": reply.status, "order": reply.body}


def _told(answer: JSONResponse) -> dict[str, object]:
    return {"status": answer.status_code, "problem": orjson.loads(bytes(answer.body))}


async def _refused_line(request: Request, who: Principal, line: bytes, error: ValidationError) -> DomainError:
    shape = RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()])
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        body = None
    return await _refused(request, who, body, shape)


async def _refused(request: Request, who: Principal, body: object, shape: RequestValidationError) -> DomainError:
    async with request.app.state.database.transaction() as tx:
        return await intake.refuse_unreadable(tx, who.storefront_id or NOBODY, body, field_errors(shape))


@router.post("/delivery-options", response_model=DeliveryOptions)
async def offer_delivery(body: AskDeliveryOptions, call: Mutation, who: Storefront) -> Response:
    """Offer dates, each with a quote to place the order with."""
    return await call.once(who, body, lambda tx: offering.offer_delivery(tx, who, body))


@router.get("/availability")
async def read_availability(
    tx: Tx,
    _who: Storefront,
    sku: Annotated[str | None, Query(max_length=8000)] = None,
    updated_after: Moment | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> AvailabilityList:
    """Say what is available over all locations, in the order of change; absolute numbers."""
    after: datetime | None = updated_after
    return await offering.read_availability(tx, sku.split(",") if sku else None, after, cursor, limit)

"""Doors for the order formats of other systems."""

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.orders.actions import intake
from services.orders.actions.intake import Placement
from services.orders.schemas.intake import PlaceOrder
from services.orders.schemas.views import OrderView
from services.orders.storefronts import shopify
from services.orders.storefronts.shopify import ShopifyOrder
from shared import tracing
from shared.auth import Storefront
from shared.doors import field_errors, public_router, request_id, send
from shared.errors import FieldError, InvalidError
from shared.idempotency import make_claim

router = public_router(prefix="/v1/storefronts", tags=["orders"])


@router.post("/shopify/orders", response_model=OrderView, status_code=201)
async def place_shopify_order(body: ShopifyOrder, request: Request, who: Storefront) -> Response:
    """Place an order as Shopify sends it; its webhook's id is the idempotency key."""
    order = _read(body)
    headers = request.headers
    key = headers.get("idempotency-key") or headers.get("x-shopify-webhook-id") or f"shopify:{body.id}"
    fields = order.model_dump(mode="json", exclude_unset=True)
    claim = make_claim(f"{who.subject} POST {request.url.path}", key, fields, request.app.state.secret)
    placement = Placement(who, order, claim, request_id(request), tracing.current_traceparent())
    try:
        return send(await intake.place_order(request.app.state.database, placement))
    except InvalidError as error:
        raise intake.refusal(_theirs(error.errors)) if error.errors else error from error


def _read(body: ShopifyOrder) -> PlaceOrder:
    try:
        return shopify.read_order(body)
    except ValidationError as error:
        shape = RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()])
        raise intake.refusal(_theirs(field_errors(shape))) from error


def _theirs(errors: tuple[FieldError, ...]) -> list[FieldError]:
    return [FieldError(shopify.their_pointer(error.pointer), error.code, error.detail) for error in errors]

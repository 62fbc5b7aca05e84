"""Doors for the order formats of other systems."""

from collections.abc import Callable, Coroutine, Mapping, Sequence

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from services.orders.actions import intake
from services.orders.actions.intake import NOBODY, Placement
from services.orders.schemas.intake import PlaceOrder
from services.orders.schemas.parts import Address, Contact
from services.orders.schemas.views import OrderView
from services.orders.storefronts import shopify
from services.orders.storefronts.shopify import ShopifyOrder
from shared import tracing
from shared.auth import Principal, Storefront
from shared.doors import field_errors, public_router, request_id, send
from shared.errors import FieldError, InvalidError
from shared.idempotency import make_claim

_PARTS: Mapping[str, type[BaseModel]] = {"customer": Contact, "shipping_address": Address}


class _ShopifyRoute(APIRoute):
    """Names beside every field of bad shape what else is wrong, so that one answer tells all."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        handle = super().get_route_handler()

        async def handle_completely(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                if not hasattr(request.state, "principal"):  # no JSON at all: that is found before anybody is asked
                    raise
                readable = shopify.translate_readable(error.body)
                found = await _refused(request, request.state.principal, readable, _errors_of_parts(readable))
                named = field_errors(error)
                pointers = {one.pointer for one in named}
                others = (one for one in found.errors if one.pointer not in pointers)
                raise intake.refusal([*named, *others]) from error

        return handle_completely


router = public_router(prefix="/v1/storefronts", tags=["orders"], route_class=_ShopifyRoute)


@router.post("/shopify/orders", response_model=OrderView, status_code=201)
async def place_shopify_order(body: ShopifyOrder, request: Request, who: Storefront) -> Response:
    """Place an order as Shopify sends it; its webhook's id is the idempotency key."""
    order = await _read(request, who, body)
    headers = request.headers
    key = headers.get("idempotency-key") or headers.get("x-shopify-webhook-id") or f"shopify:{body.id}"
    fields = order.model_dump(mode="json", exclude_unset=True)
    claim = make_claim(f"{who.subject} POST {request.url.path}", key, fields, request.app.state.secret)
    placement = Placement(who, order, claim, request_id(request), tracing.current_traceparent())
    try:
        return send(await intake.place_order(request.app.state.database, placement))
    except InvalidError as error:
        raise intake.refusal(_theirs(error.errors)) if error.errors else error from error


async def _read(request: Request, who: Principal, body: ShopifyOrder) -> PlaceOrder:
    document = shopify.translate(body)
    try:
        return PlaceOrder.model_validate(document)
    except ValidationError as error:
        raise await _refused(request, who, document, _errors(error)) from error


async def _refused(
    request: Request, who: Principal, document: Mapping[str, object], errors: Sequence[FieldError]
) -> InvalidError:
    """Name all that is wrong with an order written as ours, in Shopify's words."""
    async with request.app.state.database.transaction() as tx:
        found = await intake.refuse_unreadable(tx, who.storefront_id or NOBODY, document, errors)
    return intake.refusal(_theirs(found.errors))


def _errors_of_parts(document: Mapping[str, object]) -> list[FieldError]:
    """Name what our order asks of the parts that Shopify's shape leaves open."""
    errors: list[FieldError] = []
    for name, part in _PARTS.items():
        if name not in document:
            continue
        try:
            part.model_validate(document[name])
        except ValidationError as error:
            errors.extend(_errors(error, name))
    return errors


def _errors(error: ValidationError, *where: str) -> tuple[FieldError, ...]:
    entries = [{**entry, "loc": ("body", *where, *entry["loc"])} for entry in error.errors()]
    return field_errors(RequestValidationError(entries))


def _theirs(errors: Sequence[FieldError]) -> list[FieldError]:
    return [FieldError(shopify.their_pointer(error.pointer), error.code, error.detail) for error in errors]

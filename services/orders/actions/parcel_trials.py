"""Moving a parcel of a test order along, for storefronts that try us out."""

from uuid import UUID

from services.orders.actions.reading import storefront_of
from services.orders.errors import ShipmentNotFoundError, TestKeyNeededError
from services.orders.queries import feed
from services.orders.schemas.feed import AdvancedShipment, AdvanceShipment
from shared.auth import Principal, Role, mint_token
from shared.db import Database
from shared.errors import ConflictError, FieldError, InvalidError, UnavailableError
from shared.http import HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError
from shared.idempotency import Reply
from shared.settings import platform

_SERVER_ERROR = 500
_UNPROCESSABLE = 422


async def advance_shipment(
    database: Database, who: Principal, shipment_id: UUID, body: AdvanceShipment, key: str
) -> Reply:
    """Ask shipping to move a test order's parcel; raises TestKeyNeededError or ShipmentNotFoundError."""
    if not who.test:
        raise TestKeyNeededError("use a test key (dsk_test_…)")
    async with database.transaction() as tx:
        found = await feed.find_shipment(tx, storefront_of(who), shipment_id)
    if found is None:
        raise ShipmentNotFoundError("no such shipment of this storefront")
    if not found["test"]:
        raise TestKeyNeededError("this shipment belongs to an order that is no test")
    return await _ask(shipment_id, body, key)


async def _ask(shipment_id: UUID, body: AdvanceShipment, key: str) -> Reply:
    token = mint_token(platform().service_private_key.get_secret_value(), subject="orders", role=Role.SERVICE)
    client = HttpClient("shipping", platform().shipping_url)
    try:
        answer = await client.request(
            "POST",
            f"/internal/test/shipments/{shipment_id}/advance",
            json={"position": body.to},
            headers={"authorization": f"Bearer {token}", "idempotency-key": key},
        )
    except (HttpUnavailableError, HttpAnswerLostError) as error:
        raise UnavailableError("shipping is away; try again", headers={"Retry-After": "1"}) from error
    except HttpStatusError as error:
        detail = str(error.body.get("detail", "")) if isinstance(error.body, dict) else str(error.body)
        if error.status == _UNPROCESSABLE:
            raise InvalidError(detail, errors=(FieldError("/to", "not_possible", detail),)) from error
        if error.status >= _SERVER_ERROR:
            raise UnavailableError("shipping cannot do this now", headers={"Retry-After": "1"}) from error
        raise ConflictError(detail or "shipping refused this") from error
    finally:
        await client.close()
    shown = AdvancedShipment.model_validate(answer.json())
    return Reply.of(shown, answer.status)

"""The carrier's door: the EasyPost v2 HTTP API."""

import base64
import binascii
import hmac
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from deploy.carrier_simulator import contents
from deploy.carrier_simulator.engine import Engine
from deploy.carrier_simulator.errors import (
    NotFoundError,
    ParameterMissingError,
    PayloadNotFoundError,
    UnauthorizedError,
)
from deploy.carrier_simulator.labels import MEDIA_TYPES, draw_label
from deploy.carrier_simulator.schemas import (
    AddressCreate,
    Page,
    ParcelCreate,
    ShipmentBuy,
    ShipmentCreate,
    ShipmentPage,
    TrackerCreate,
    TrackerPage,
    WebhookCreate,
    WebhookUpdate,
)
from shared import clock


def engine_of(request: Request) -> Engine:
    """Give the carrier behind the door."""
    engine = request.app.state.engine
    if not isinstance(engine, Engine):
        raise TypeError("the application was started without its engine")
    return engine


Carrier = Annotated[Engine, Depends(engine_of)]


async def authenticate(request: Request, carrier: Carrier) -> None:
    """Let callers in who know the API key: as basic-auth user name, or as bearer, as the official client does."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    known = carrier.settings.api_key.get_secret_value()
    if not hmac.compare_digest(value.encode(), known.encode()):
        raise UnauthorizedError


router = APIRouter(prefix="/v2", dependencies=[Depends(authenticate)])
labels = APIRouter()


def answer(document: object, status: int = 200) -> Response:
    """Write an answer."""
    return Response(orjson.dumps(document), status_code=status, media_type="application/json")


@router.post("/addresses")
async def create_address(given: AddressCreate, carrier: Carrier) -> Response:
    """Create an address, verified if asked for."""
    address = contents.make_address(given.address, clock.now())
    if given.verify or given.verify_strict:
        address = contents.verify_address(address, strict=bool(given.verify_strict))
    contents.keep(carrier.store, address)
    return answer(address, 201)


@router.post("/addresses/create_and_verify")
async def create_and_verify_address(given: AddressCreate, carrier: Carrier) -> Response:
    """Create an address as the carrier would write it."""
    address = contents.verify_address(contents.make_address(given.address, clock.now()), strict=True)
    contents.keep(carrier.store, address)
    return answer({"address": address})


@router.get("/addresses/{address_id}")
async def get_address(address_id: str, carrier: Carrier) -> Response:
    """Give an address."""
    return answer(orjson.loads(contents.find(carrier.store, address_id)))


@router.post("/parcels")
async def create_parcel(given: ParcelCreate, carrier: Carrier) -> Response:
    """Create a parcel."""
    if given.parcel is None:
        raise ParameterMissingError([contents.blank("parcel")])
    return answer(contents.find_or_make_parcel(carrier.store, given.parcel, clock.now()), 201)


@router.get("/parcels/{parcel_id}")
async def get_parcel(parcel_id: str, carrier: Carrier) -> Response:
    """Give a parcel."""
    return answer(orjson.loads(contents.find(carrier.store, parcel_id)))


@router.get("/customs_infos/{customs_id}")
async def get_customs_info(customs_id: str, carrier: Carrier) -> Response:
    """Give a customs declaration."""
    return answer(orjson.loads(contents.find(carrier.store, customs_id)))


@router.get("/rates/{rate_id}")
async def get_rate(rate_id: str, carrier: Carrier) -> Response:
    """Give a rate."""
    return answer(orjson.loads(contents.find(carrier.store, rate_id)))


@router.post("/shipments")
async def create_shipment(given: ShipmentCreate, carrier: Carrier, request: Request) -> Response:
    """Rate a shipment, and buy it if a service is named."""
    if given.shipment is None:
        raise ParameterMissingError([contents.blank("shipment")])
    return answer(carrier.shipments.create(given.shipment, clock.now(), str(request.base_url)), 201)


@router.get("/shipments")
async def list_shipments(page: Annotated[ShipmentPage, Query()], carrier: Carrier) -> Response:
    """List shipments, newest first."""
    return answer(carrier.shipments.page(page, purchased=page.purchased))


@router.get("/shipments/{shipment_id}")
async def get_shipment(shipment_id: str, carrier: Carrier) -> Response:
    """Give a shipment by its id, or the latest with that reference."""
    return answer(carrier.shipments.get(shipment_id))


@router.get("/shipments/{shipment_id}/rates")
async def get_shipment_rates(shipment_id: str, carrier: Carrier) -> Response:
    """Give a shipment's prices."""
    return answer({"rates": carrier.shipments.get(shipment_id)["rates"]})


@router.post("/shipments/{shipment_id}/rerate")
async def rerate_shipment(shipment_id: str, carrier: Carrier) -> Response:
    """Price a shipment again."""
    return answer(carrier.shipments.rerate(shipment_id, clock.now()))


@router.post("/shipments/{shipment_id}/buy")
async def buy_shipment(shipment_id: str, given: ShipmentBuy, carrier: Carrier, request: Request) -> Response:
    """Buy a label."""
    rate_id = None if given.rate is None else given.rate.id
    return answer(carrier.shipments.buy(shipment_id, rate_id, clock.now(), str(request.base_url)))


@router.post("/shipments/{shipment_id}/refund")
async def refund_shipment(shipment_id: str, carrier: Carrier) -> Response:
    """Ask a label's price back."""
    return answer(carrier.shipments.refund(shipment_id, clock.now()))


@router.get("/shipments/{shipment_id}/label")
async def convert_label(shipment_id: str, carrier: Carrier, request: Request, file_format: str = "PDF") -> Response:
    """Offer a label in another format."""
    return answer(carrier.shipments.convert_label(shipment_id, file_format, str(request.base_url)))


@router.post("/trackers")
async def create_tracker(given: TrackerCreate, carrier: Carrier) -> Response:
    """Watch a tracking code."""
    if given.tracker is None:
        raise ParameterMissingError([contents.blank("tracker")])
    return answer(carrier.trackers.watch(given.tracker, clock.now()))


@router.get("/trackers")
async def list_trackers(page: Annotated[TrackerPage, Query()], carrier: Carrier) -> Response:
    """List trackers, by tracking code if given."""
    codes = [*page.tracking_codes, *([] if page.tracking_code is None else [page.tracking_code])]
    return answer(carrier.trackers.page(page, codes, page.carrier))


@router.get("/trackers/{tracker_id}")
async def get_tracker(tracker_id: str, carrier: Carrier) -> Response:
    """Give a tracker."""
    return answer(carrier.trackers.get(tracker_id))


@router.post("/webhooks")
async def create_webhook(given: WebhookCreate, carrier: Carrier) -> Response:
    """Register a receiver."""
    if given.webhook is None:
        raise ParameterMissingError([contents.blank("webhook")])
    return answer(carrier.webhooks.register(given.webhook, clock.now()), 201)


@router.get("/webhooks")
async def list_webhooks(carrier: Carrier) -> Response:
    """List the receivers."""
    return answer({"webhooks": carrier.webhooks.every()})


@router.get("/webhooks/{webhook_id}")
async def get_webhook(webhook_id: str, carrier: Carrier) -> Response:
    """Give a receiver."""
    return answer(carrier.webhooks.get(webhook_id))


@router.patch("/webhooks/{webhook_id}")
async def change_webhook(webhook_id: str, given: WebhookUpdate, carrier: Carrier) -> Response:
    """Change a receiver."""
    return answer(carrier.webhooks.change(webhook_id, given.webhook or given))


@router.delete("/webhooks/{webhook_id}")
async def remove_webhook(webhook_id: str, carrier: Carrier) -> Response:
    """Forget a receiver."""
    carrier.webhooks.remove(webhook_id)
    return answer({})


@router.get("/events")
async def list_events(page: Annotated[Page, Query()], carrier: Carrier) -> Response:
    """List events, newest first."""
    return answer(carrier.events.page(page))


@router.get("/events/{event_id}")
async def get_event(event_id: str, carrier: Carrier) -> Response:
    """Give an event."""
    return answer(carrier.events.get(event_id))


@router.get("/events/{event_id}/payloads/{payload_id}")
async def get_payload(event_id: str, payload_id: str, carrier: Carrier) -> Response:
    """Refuse: the simulator keeps no payloads."""
    del payload_id
    carrier.events.get(event_id)
    raise PayloadNotFoundError


@labels.get("/labels/{label_id}.{extension}")
async def get_label(label_id: str, extension: str, carrier: Carrier) -> Response:
    """Give a label's file; like the real thing, to whoever knows its address."""
    if extension not in MEDIA_TYPES:
        raise NotFoundError
    tracking_code, lines = carrier.shipments.label_lines(label_id)
    return Response(draw_label(extension, tracking_code, lines), media_type=MEDIA_TYPES[extension])

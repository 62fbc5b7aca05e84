"""A storefront's feed and webhooks: numbered without gaps, signed as Standard Webhooks, tried ten times."""

import asyncio
import base64
import ipaddress
import secrets
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import asyncpg
import orjson
from standardwebhooks import Webhook

from services.orders.actions.reading import storefront_of
from services.orders.errors import CursorExpiredError, EndpointNotFoundError, EventNotFoundError, TooManyEndpointsError
from services.orders.models import WebhookDelivery, WebhookEndpoint
from services.orders.queries import feed, rows
from services.orders.schemas.feed import (
    CreateEndpoint,
    DeliveryList,
    DeliveryView,
    EndpointList,
    EndpointView,
    EventPage,
    NewEndpointView,
    PublicEventView,
)
from services.orders.settings import KEPT_DAYS, settings
from services.orders.states import DeliveryState, EndpointState
from shared import clock
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.http import Answer, Breaker, HttpClient, HttpStatusError
from shared.ids import new_id
from shared.jobs import Outcome, back_off_until, lease_until
from shared.settings import platform

_NUMBER_BATCH = 500
_DELIVERY_BATCH = 50
_SECRET_BYTES = 24
MOST_ENDPOINTS = 20
_OVERLAP = timedelta(hours=24)
_GONE = 410
_HTTPS = 443
_MOST_CLIENTS = 500
_MOST_BACKOFF_SECONDS = 3600.0
_MOST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way: the stable id is the event's, so a second call is the same message."""

    id: UUID
    endpoint_id: UUID
    order_id: UUID | None
    url: str
    attempts: int
    headers: dict[str, str]
    body: bytes


class PrivateAddressError(ConnectionError):
    """The endpoint's name leads into a private network."""


async def create_endpoint(tx: Transaction, who: Principal, body: CreateEndpoint) -> NewEndpointView:
    """Register an endpoint; its secret is shown this once.

    Raises InvalidError for an address we never call, TooManyEndpointsError.
    """
    parts = _parts(body.url)
    local = platform().environment == "local"
    if parts.scheme != "https" and not local:
        raise InvalidError("use https", errors=(FieldError("/url", "insecure", "webhooks go over https only"),))
    if not local and _is_private(parts.hostname or ""):
        error = FieldError("/url", "private_address", "this address is not on the public internet")
        raise InvalidError(error.detail, errors=(error,))
    if await feed.count_endpoints(tx, storefront_of(who)) >= MOST_ENDPOINTS:
        raise TooManyEndpointsError(f"{MOST_ENDPOINTS} endpoints are active, which is the most: disable one first")
    row = WebhookEndpoint(
        id=new_id(),
        storefront_id=storefront_of(who),
        url=body.url,
        events=list(body.events),
        secret=_new_secret(),
        test=who.test,
        created_at=tx.now,
    )
    await rows.save(tx, [row])
    return NewEndpointView.model_validate(row)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts
    except ValueError:  # a port beyond 65535, a bracket that is not closed
        pass
    error = FieldError("/url", "not_callable", "no host and port that can be called")
    raise InvalidError(error.detail, errors=(error,))


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def _is_private(name: str) -> bool:
    host = name.casefold().rstrip(".")
    try:
        return not is_public(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host in {"localhost", ""} or host.endswith((".local", ".internal", ".localhost"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address is one host's on the public internet, and not a wrapping of another one."""
    is_wrapped = isinstance(address, IPv6Address) and address.sixtofour is not None
    # NAT64 and IPv4-mapped addresses are among the reserved ones.
    return address.is_global and not (is_wrapped or address.is_multicast or address.is_reserved)


async def list_endpoints(tx: Transaction, who: Principal) -> EndpointList:
    """List a storefront's endpoints; a test key sees those of tests."""
    found = await feed.list_endpoints(tx, storefront_of(who), test=who.test)
    return EndpointList(data=[EndpointView.model_validate(row) for row in found])


async def disable_endpoint(tx: Transaction, who: Principal, endpoint_id: UUID) -> EndpointView:
    """Stop sending to an endpoint."""
    row = await _mine(tx, who, endpoint_id)
    await feed.disable_endpoint(tx, row.id, "disabled by the storefront")
    row.state, row.disabled_reason = EndpointState.DISABLED, "disabled by the storefront"
    return EndpointView.model_validate(row)


async def rotate_secret(tx: Transaction, who: Principal, endpoint_id: UUID) -> NewEndpointView:
    """Make a new secret; for a day both sign."""
    row = await _mine(tx, who, endpoint_id)
    row.previous_secret, row.previous_secret_until = row.secret, clock.real() + _OVERLAP
    row.secret = _new_secret()
    await rows.save(tx, [row])
    return NewEndpointView.model_validate(row)


async def list_deliveries(tx: Transaction, who: Principal, endpoint_id: UUID, limit: int) -> DeliveryList:
    """Show an endpoint's delivery log."""
    row = await _mine(tx, who, endpoint_id)
    found = await feed.list_deliveries(tx, row.id, limit)
    return DeliveryList(data=[DeliveryView.model_validate(dict(entry)) for entry in found])


async def send_again(tx: Transaction, who: Principal, endpoint_id: UUID, event_id: UUID) -> DeliveryList:
    """Deliver an event once more; raises EndpointNotFoundError or EventNotFoundError."""
    row = await _mine(tx, who, endpoint_id)
    if not await feed.has_event(tx, row.storefront_id, event_id, test=row.test):
        raise EventNotFoundError("no such event, or it is no longer kept")
    delivery = WebhookDelivery(id=new_id(), endpoint_id=row.id, event_id=event_id, due_at=tx.now, created_at=tx.now)
    await rows.save(tx, [delivery])
    return await list_deliveries(tx, who, endpoint_id, 10)


async def _mine(tx: Transaction, who: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    row = await feed.lock_endpoint(tx, storefront_of(who), endpoint_id)
    if row is None or row.test != who.test:
        raise EndpointNotFoundError("no such webhook endpoint")
    return row


async def read_events(tx: Transaction, who: Principal, after: int, limit: int) -> EventPage:
    """Read a storefront's events by number; raises CursorExpiredError when some after `after` are not kept."""
    dropped = await feed.dropped_until(tx, storefront_of(who), test=who.test)
    if after < dropped:
        raise CursorExpiredError(
            f"events until {dropped} are no longer kept: read the orders, then go on after {dropped}",
            extra={"oldest_after": dropped},
        )
    found = await feed.list_events(tx, storefront_of(who), test=who.test, after=after, limit=limit)
    data = [PublicEventView(epoch=tx.database.epoch, **_fields(row)) for row in found]
    return EventPage(data=data, next_after=data[-1].sequence if data else after)


def _fields(row: asyncpg.Record) -> dict[str, object]:
    names = ("type", "created_at", "order_id", "reference", "sequence", "test", "data")
    return {"id": row["event_id"] if "event_id" in row else row["id"], **{name: row[name] for name in names}}


async def number_events(tx: Transaction) -> int:
    """Number what was committed since, and make its deliveries: no writer waits for another for a number."""
    return await feed.number_events(tx, _NUMBER_BATCH)


async def drop_old_events(tx: Transaction) -> int:
    """Drop what the feed no longer keeps."""
    return await feed.drop_events(tx, tx.now - timedelta(days=KEPT_DAYS))


async def claim_deliveries(tx: Transaction) -> Sequence[Delivery]:
    """Claim what is to be sent now."""
    found = await feed.claim_deliveries(tx, lease_until(), clock.real(), _DELIVERY_BATCH)
    return [_delivery(row, tx.database.epoch) for row in found]


def _delivery(row: asyncpg.Record, epoch: int) -> Delivery:
    view = PublicEventView(epoch=epoch, **_fields(row))
    body = orjson.dumps(view.model_dump(mode="json"))
    signed_at = clock.real()
    keys = [row["secret"]]
    if row["previous_secret"] and row["previous_secret_until"] > signed_at:
        keys.append(row["previous_secret"])
    identity = str(row["event_id"])
    headers = {
        "content-type": "application/json",
        "user-agent": "Doorstep-Webhooks/1",
        "webhook-id": identity,
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(identity, signed_at, body.decode()) for key in keys),
    }
    return Delivery(row["id"], row["endpoint_id"], row["order_id"], row["url"], row["attempts"], headers, body)


_clients: dict[tuple[str, str], HttpClient] = {}


async def deliver(item: Delivery) -> Answer:
    """Send one event; raises what the network or the storefront answered."""
    parts = urlsplit(item.url)
    client = _client(parts, await _public_address(parts))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return await client.request("POST", path, content=item.body, headers={**item.headers, "host": parts.netloc})


def _client(parts: SplitResult, address: str | None) -> HttpClient:
    """Give the client of an endpoint's host, pinned to the address that was found to be public."""
    key = parts.netloc, address or ""
    if key not in _clients:
        if len(_clients) >= _MOST_CLIENTS:
            _clients.clear()
        where = parts.netloc if address is None else f"{_bracketed(address)}:{parts.port or _HTTPS}"
        _clients[key] = HttpClient(
            f"webhooks of {parts.netloc}",
            f"{parts.scheme}://{where}",
            timeout_seconds=settings().webhook_timeout_seconds,
            # Each delivery backs off by itself; a breaker would spend its tries without a call.
            breaker=Breaker(threshold=sys.maxsize),
            server_name=parts.hostname if address is not None else None,
        )
    return _clients[key]


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def _public_address(parts: SplitResult) -> str | None:
    """Resolve the host and give the address to call, so that its name cannot lead elsewhere a moment later.

    Raises PrivateAddressError when any of its addresses is private; None in the local stack, which calls by name.
    """
    if platform().environment == "local":
        return None
    host = parts.hostname or ""
    found = await asyncio.get_running_loop().getaddrinfo(host, parts.port or _HTTPS, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or any(map(_is_private, addresses)):
        raise PrivateAddressError(f"{host} leads into a private network")
    return addresses[0]


async def record_delivery(tx: Transaction, item: Delivery, outcome: Outcome[Answer]) -> None:
    """Write what became of a delivery: delivered, tried again later, given up, or the endpoint disabled by 410."""
    error = outcome.error
    if error is None:
        status = outcome.result.status if outcome.result is not None else None
        await feed.finish_delivery(tx, item.id, DeliveryState.DELIVERED, status, None)
        return
    code = error.status if isinstance(error, HttpStatusError) else None
    text = f"{type(error).__name__}: {error}"[:_MOST_ERROR]
    if code == _GONE:
        await feed.disable_endpoint(tx, item.endpoint_id, "the endpoint answered 410 Gone")
    elif item.attempts >= settings().webhook_attempts:
        await feed.finish_delivery(tx, item.id, DeliveryState.FAILED, code, text)
    else:
        pause = back_off_until(
            item.attempts - 1, base_seconds=settings().webhook_base_seconds, most_seconds=_MOST_BACKOFF_SECONDS
        )
        await feed.retry_delivery(tx, item.id, _later(pause, error), code, text)


def _later(pause: datetime, error: Exception) -> datetime:
    wanted = error.retry_after_seconds if isinstance(error, HttpStatusError) else None
    return max(pause, clock.real() + timedelta(seconds=min(wanted or 0, _MOST_BACKOFF_SECONDS)))

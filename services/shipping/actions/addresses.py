"""Sender and recipient of a parcel, asked for at the moment of use and never stored."""

from functools import lru_cache
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from services.shipping.carriers.base import Address, LabelFormat
from shared.auth import Role, mint_token
from shared.http import HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError
from shared.settings import platform

_NOT_FOUND = 404


class AddressAwayError(Exception):
    """The service that knows the address cannot be asked now."""


class AddressMissingError(Exception):
    """There is no such order or location, or its address cannot be read."""


class _Recipient(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    company: str | None = None
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str
    country_code: str
    phone: str | None = None
    email: str | None = None
    delivery_instructions: str | None = None


class _Location(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    company: str | None = None
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str
    country_code: str
    phone: str | None = None
    label_format: LabelFormat = LabelFormat.PNG


@lru_cache(maxsize=1)
def _orders() -> HttpClient:
    return HttpClient("orders", platform().orders_url, timeout_seconds=5)


@lru_cache(maxsize=1)
def _inventory() -> HttpClient:
    return HttpClient("inventory", platform().inventory_url, timeout_seconds=5)


async def close() -> None:
    """Close the connections, and read the settings anew the next time."""
    for client in (_orders, _inventory):
        if client.cache_info().currsize:
            await client().close()
        client.cache_clear()


async def _ask(client: HttpClient, path: str) -> bytes:
    token = mint_token(platform().service_private_key.get_secret_value(), subject="shipping", role=Role.SERVICE)
    try:
        answer = await client.request("GET", path, headers={"authorization": f"Bearer {token}"})
    except (HttpUnavailableError, HttpAnswerLostError) as error:
        raise AddressAwayError(str(error)) from error
    except HttpStatusError as error:
        if error.status == _NOT_FOUND:
            raise AddressMissingError(f"{client.partner} knows nothing at {path}") from error
        raise AddressAwayError(f"{client.partner} answered {error.status}") from error
    return answer.content


async def fetch_recipient(order_id: UUID) -> Address:
    """Ask orders who the parcel is for; raises AddressAwayError or AddressMissingError."""
    try:
        found = _Recipient.model_validate_json(await _ask(_orders(), f"/internal/orders/{order_id}/recipient"))
    except ValidationError as error:
        raise AddressMissingError(f"the recipient of order {order_id} is incomplete: {_fields(error)}") from error
    return Address(**{name: value or "" for name, value in found.model_dump().items()})


async def fetch_sender(location: str) -> tuple[Address, LabelFormat]:
    """Ask inventory for a location's address and what its benches print."""
    try:
        found = _Location.model_validate_json(await _ask(_inventory(), f"/internal/locations/{location}"))
    except ValidationError as error:
        raise AddressMissingError(f"the address of location {location} is incomplete: {_fields(error)}") from error
    values = found.model_dump(exclude={"label_format"})
    return Address(**{name: value or "" for name, value in values.items()}), found.label_format


def _fields(error: ValidationError) -> str:
    return ", ".join(".".join(str(part) for part in one["loc"]) for one in error.errors())

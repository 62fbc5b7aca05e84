"""Addresses, parcels and customs declarations: made from what was sent, found again by id, verified."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

import orjson

from deploy.carrier_simulator.errors import AddressUnverifiableError, NotFoundError, ParameterMissingError
from deploy.carrier_simulator.places import draw, time_zone
from deploy.carrier_simulator.schemas import AddressIn, CustomsInfoIn, CustomsItemIn, ParcelIn
from deploy.carrier_simulator.store import Store
from deploy.carrier_simulator.wire import (
    Address,
    CustomsInfo,
    CustomsItem,
    FieldError,
    Parcel,
    Verification,
    VerificationError,
    address_stamp,
    new_id,
    stamp,
)

_US_ZIP_DIGITS = 5


def keep(store: Store, document: Mapping[str, object]) -> None:
    """Remember an object under its id."""
    with store.transaction() as connection:
        connection.execute("insert into object values (?, ?)", (document["id"], orjson.dumps(document)))


def find(store: Store, object_id: str) -> bytes:
    """Give an object back as it was answered; raises NotFoundError."""
    row = store.one("select document from object where id = ?", object_id)
    if row is None:
        raise NotFoundError
    return bytes(row["document"])


def blank(field: str) -> FieldError:
    """Say that a field is missing."""
    return {"field": field, "message": "cannot be blank"}


def find_or_make_address(store: Store, given: AddressIn, moment: datetime) -> Address:
    """Take an address by its id, or make and keep a new one."""
    if given.id is not None:
        return cast("Address", orjson.loads(find(store, given.id)))
    address = make_address(given, moment)
    keep(store, address)
    return address


def make_address(given: AddressIn, moment: datetime) -> Address:
    """Write an address down as it was given."""
    return {
        "id": new_id("adr"),
        "object": "Address",
        "created_at": address_stamp(moment),
        "updated_at": address_stamp(moment),
        "name": given.name,
        "company": given.company,
        "street1": given.street1,
        "street2": given.street2,
        "city": given.city,
        "state": given.state,
        "zip": given.zip,
        "country": given.country or "US",
        "phone": given.phone,
        "email": given.email,
        "mode": "test",
        "carrier_facility": None,
        "residential": given.residential,
        "federal_tax_id": given.federal_tax_id,
        "state_tax_id": given.state_tax_id,
        "verifications": {},
    }


def verify_address(address: Address, *, strict: bool) -> Address:
    """Correct an address as the carrier would write it; raises AddressUnverifiableError if strict."""
    errors = _doubts(address)
    if errors:
        if strict:
            raise AddressUnverifiableError([{"field": error["field"], "message": error["message"]} for error in errors])
        failed: Verification = {"success": False, "errors": errors, "details": None}
        return {**address, "verifications": {"zip4": failed, "delivery": failed}}
    street = " ".join(part for part in (address["street1"], address["street2"]) if part)
    return {
        **address,
        "name": _upper(address["name"]),
        "company": _upper(address["company"]),
        "street1": street.upper(),
        "street2": "",
        "city": _upper(address["city"]),
        "state": _upper(address["state"]),
        "zip": _long_zip(address, street),
        "residential": address["company"] is None,
        "verifications": {
            "zip4": {"success": True, "errors": [], "details": None},
            "delivery": {
                "success": True,
                "errors": [],
                "details": {
                    "latitude": round(draw("latitude", street, address["zip"] or "") * 100 - 50, 5),
                    "longitude": round(draw("longitude", street, address["zip"] or "") * 300 - 150, 5),
                    "time_zone": time_zone(address["country"], address["state"]),
                },
            },
        },
    }


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def _long_zip(address: Address, street: str) -> str | None:
    short = address["zip"]
    if short is None or address["country"] != "US" or len(short) != _US_ZIP_DIGITS or not short.isdecimal():
        return short
    return f"{short}-{int(draw('zip4', short, street.upper()) * 9000) + 1000}"


def _doubts(address: Address) -> list[VerificationError]:
    street = (address["street1"] or "").strip()
    if street and "UNDELIVERABLE" not in street.upper() and (address["zip"] or address["city"]):
        return []
    return [{"code": "E.ADDRESS.NOT_FOUND", "field": "address", "message": "Address not found", "suggestion": None}]


def find_or_make_parcel(store: Store, given: ParcelIn, moment: datetime) -> Parcel:
    """Take a parcel by its id, or make and keep a new one; raises ParameterMissingError without a weight."""
    if given.id is not None:
        return cast("Parcel", orjson.loads(find(store, given.id)))
    if given.weight is None:
        raise ParameterMissingError([blank("parcel.weight")])
    parcel: Parcel = {
        "id": new_id("prcl"),
        "object": "Parcel",
        "created_at": stamp(moment),
        "updated_at": stamp(moment),
        "length": given.length,
        "width": given.width,
        "height": given.height,
        "predefined_package": given.predefined_package,
        "weight": given.weight,
        "mode": "test",
    }
    keep(store, parcel)
    return parcel


def find_or_make_customs(store: Store, given: CustomsInfoIn, moment: datetime) -> CustomsInfo:
    """Take a declaration by its id, or make and keep a new one."""
    if given.id is not None:
        return cast("CustomsInfo", orjson.loads(find(store, given.id)))
    customs: CustomsInfo = {
        "id": new_id("cstinfo"),
        "object": "CustomsInfo",
        "created_at": stamp(moment),
        "updated_at": stamp(moment),
        "contents_explanation": given.contents_explanation,
        "contents_type": given.contents_type,
        "customs_certify": given.customs_certify,
        "customs_signer": given.customs_signer,
        "eel_pfc": given.eel_pfc,
        "non_delivery_option": given.non_delivery_option,
        "restriction_comments": given.restriction_comments,
        "restriction_type": given.restriction_type,
        "mode": "test",
        "declaration": given.declaration,
        "customs_items": [_customs_item(item, moment) for item in given.customs_items],
    }
    keep(store, customs)
    return customs


def _customs_item(given: CustomsItemIn, moment: datetime) -> CustomsItem:
    whole = int(given.quantity)
    return {
        "id": new_id("cstitem"),
        "object": "CustomsItem",
        "created_at": stamp(moment),
        "updated_at": stamp(moment),
        "description": given.description,
        "hs_tariff_number": given.hs_tariff_number,
        "origin_country": given.origin_country,
        "quantity": whole if whole == given.quantity else given.quantity,
        "value": f"{given.value:.2f}",
        "weight": given.weight,
        "code": given.code,
        "mode": "test",
        "manufacturer": given.manufacturer,
        "currency": given.currency,
        "eccn": given.eccn,
        "printed_commodity_identifier": given.printed_commodity_identifier,
    }

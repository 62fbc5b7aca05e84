"""Shipments: rated, bought, refunded; a label is sold once."""

import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

import orjson

from deploy.carrier_simulator import contents, rating
from deploy.carrier_simulator.errors import (
    NotFoundError,
    ParameterInvalidError,
    ParameterMissingError,
    PostageExistsError,
    PostageFailureError,
    RefundUnavailableError,
)
from deploy.carrier_simulator.events import Events
from deploy.carrier_simulator.journeys import Passage, location
from deploy.carrier_simulator.labels import media_type
from deploy.carrier_simulator.paging import page_of
from deploy.carrier_simulator.schemas import AddressIn, Page, ParcelIn, ShipmentIn
from deploy.carrier_simulator.store import Store, from_micros, to_micros
from deploy.carrier_simulator.trackers import Trackers
from deploy.carrier_simulator.wire import (
    Address,
    Fee,
    FieldError,
    NotOffered,
    PostageLabel,
    Rate,
    Refund,
    Shipment,
    new_id,
    stamp,
)

_EXTENSIONS = {"PNG": "png", "PDF": "pdf", "ZPL": "zpl"}
_CODE_DIGITS = 18
_NOT_OFFERED: NotOffered = {
    "batch_id": None,
    "batch_status": None,
    "batch_message": None,
    "insurance": None,
    "order_id": None,
    "scan_form": None,
    "forms": [],
}


class Shipments:
    """Every shipment the carrier knows."""

    def __init__(self, store: Store, trackers: Trackers, events: Events, refund_hours: float) -> None:
        self._store = store
        self._trackers = trackers
        self._events = events
        self._refund_after = timedelta(hours=refund_hours)

    def create(self, given: ShipmentIn, moment: datetime, base_url: str) -> Shipment:
        """Rate a shipment, and buy it in the same call if a service is named."""
        with self._store.transaction() as connection:
            shipment = self._draft(given, moment)
            connection.execute(
                "insert into shipment (id, reference, custom_1, created_at, document) values (?, ?, ?, ?, ?)",
                (
                    shipment["id"],
                    given.reference,
                    _option(shipment, "print_custom_1"),
                    to_micros(moment),
                    orjson.dumps(shipment),
                ),
            )
            for rate in shipment["rates"]:
                contents.keep(self._store, rate)
            if given.service is not None:
                return self._sell(shipment, _rate_of(shipment, given.service, given.carrier), moment, base_url)
        return shipment

    def _draft(self, given: ShipmentIn, moment: datetime) -> Shipment:
        origin, destination = self._ends(given, moment)
        parcel = contents.find_or_make_parcel(self._store, given.parcel or ParcelIn(), moment)
        shipment_id = new_id("shp")
        distance = rating.zone(origin, destination)
        options = {**(given.options or {})}
        currency = str(options.setdefault("currency", "USD"))
        options.setdefault("payment", {"type": "SENDER"})
        options.setdefault("date_advance", 0)
        refusals = rating.refusals(destination, parcel)
        rates = [] if refusals else rating.quote(shipment_id, distance, parcel["weight"], currency, moment)
        customs = given.customs_info
        return {
            **_NOT_OFFERED,
            "id": shipment_id,
            "created_at": stamp(moment),
            "is_return": given.is_return,
            "messages": refusals,
            "mode": "test",
            "options": options,
            "reference": given.reference,
            "status": "unknown",
            "tracking_code": None,
            "updated_at": stamp(moment),
            "customs_info": None if customs is None else contents.find_or_make_customs(self._store, customs, moment),
            "from_address": origin,
            "parcel": parcel,
            "postage_label": None,
            "rates": rates,
            "refund_status": None,
            "selected_rate": None,
            "tracker": None,
            "to_address": destination,
            "usps_zone": distance,
            "return_address": self._or(given.return_address, origin, moment),
            "buyer_address": self._or(given.buyer_address, destination, moment),
            "fees": [],
            "object": "Shipment",
        }

    def _ends(self, given: ShipmentIn, moment: datetime) -> tuple[Address, Address]:
        ends = {"from_address": given.from_address, "to_address": given.to_address, "parcel": given.parcel}
        missing = [contents.blank(field) for field, value in ends.items() if value is None]
        if missing or given.from_address is None or given.to_address is None:
            raise ParameterMissingError(missing)
        origin = contents.find_or_make_address(self._store, given.from_address, moment)
        destination = contents.find_or_make_address(self._store, given.to_address, moment)
        placeless = [
            contents.blank(f"{field}.zip")
            for field, address in (("from_address", origin), ("to_address", destination))
            if not address["zip"] and not address["city"]
        ]
        if placeless:
            raise ParameterMissingError(placeless)
        return origin, destination

    def _or(self, given: AddressIn | None, otherwise: Address, moment: datetime) -> Address:
        return otherwise if given is None else contents.find_or_make_address(self._store, given, moment)

    def get(self, key: str) -> Shipment:
        """Give a shipment by its id, or the latest with that reference; raises NotFoundError."""
        row = self._store.one("select * from shipment where id = ?", key)
        if row is None:
            row = self._store.one("select * from shipment where reference = ? order by sequence desc limit 1", key)
        if row is None:
            raise NotFoundError
        return self._read(row)

    def _read(self, row: sqlite3.Row) -> Shipment:
        shipment = cast("Shipment", orjson.loads(row["document"]))
        if shipment["tracking_code"] is not None:
            tracker = self._trackers.get(shipment["tracking_code"], "tracking_code")
            shipment["tracker"], shipment["status"] = tracker, tracker["status"]
        shipment["refund_status"] = row["refund_status"]
        return shipment

    def page(self, page: Page, *, purchased: bool) -> dict[str, object]:
        """List shipments, newest first; only bought ones unless told otherwise."""
        rows, more = page_of(self._store, "shipment", page, "tracking_code is not null" if purchased else "true")
        return {"shipments": [self._read(row) for row in rows], "has_more": more}

    def rerate(self, shipment_id: str, moment: datetime) -> dict[str, list[Rate]]:
        """Price a shipment again; the rates get new ids. Raises PostageExistsError once it is bought."""
        shipment = self.get(shipment_id)
        if shipment["tracking_code"] is not None:
            raise PostageExistsError
        if not shipment["messages"]:
            weight, currency = shipment["parcel"]["weight"], str(shipment["options"]["currency"])
            shipment["rates"] = rating.quote(shipment["id"], shipment["usps_zone"], weight, currency, moment)
        with self._store.transaction():
            for rate in shipment["rates"]:
                contents.keep(self._store, rate)
            self._write(shipment)
        return {"rates": shipment["rates"]}

    def buy(self, shipment_id: str, rate_id: str | None, moment: datetime, base_url: str) -> Shipment:
        """Sell the label of a quoted rate; raises PostageExistsError if it was sold before."""
        shipment = self.get(shipment_id)
        if shipment["tracking_code"] is not None:
            raise PostageExistsError
        if rate_id is None:
            raise ParameterMissingError([contents.blank("rate")])
        rate = next((rate for rate in shipment["rates"] if rate["id"] == rate_id), None)
        if rate is None:
            raise ParameterInvalidError([{"field": "rate.id", "message": "is not a rate of this shipment"}])
        with self._store.transaction():
            return self._sell(shipment, rate, moment, base_url)

    def _sell(self, shipment: Shipment, rate: Rate, moment: datetime, base_url: str) -> Shipment:
        code = f"SP{int(shipment['id'].removeprefix('shp_'), 16) % 10**_CODE_DIGITS:0{_CODE_DIGITS}d}"
        # As recorded, selling a label corrects the recipient's address.
        corrected = contents.verify_address(shipment["to_address"], strict=False)
        if shipment["buyer_address"]["id"] == corrected["id"]:
            shipment["buyer_address"] = corrected
        passage = _passage(shipment, rate, moment)
        shipment["to_address"] = corrected
        shipment["tracking_code"] = code
        shipment["selected_rate"] = rate
        shipment["postage_label"] = _label(shipment, moment, base_url)
        shipment["fees"] = [_fee("LabelFee", "0"), _fee("PostageFee", rate["rate"])]
        shipment["updated_at"] = stamp(moment)
        self._write(shipment)
        tracker = self._trackers.open(code, shipment["id"], shipment["reference"], passage, moment)
        return {**shipment, "tracker": tracker}

    def _write(self, shipment: Shipment) -> None:
        label = shipment["postage_label"]
        self._store.connection.execute(
            "update shipment set tracking_code = ?, label_id = ?, document = ? where id = ?",
            (
                shipment["tracking_code"],
                label and label["id"],
                orjson.dumps({**shipment, "tracker": None}),
                shipment["id"],
            ),
        )

    def convert_label(self, shipment_id: str, file_format: str, base_url: str) -> Shipment:
        """Offer a PNG label in another format too; raises NotFoundError before it is bought."""
        shipment = self.get(shipment_id)
        label, extension = shipment["postage_label"], _EXTENSIONS.get(file_format.upper())
        if label is None:
            raise NotFoundError
        if extension is None:
            raise ParameterInvalidError([{"field": "file_format", "message": "is not one of PNG, PDF, ZPL"}])
        if label["label_file_type"] != "image/png":
            raise ParameterInvalidError([{"field": "file_format", "message": "is made of a PNG label only"}])
        url = f"{base_url}labels/{label['id']}.{extension}"
        if extension == "pdf":
            label["label_pdf_url"] = url
        elif extension == "zpl":
            label["label_zpl_url"] = url
        with self._store.transaction():
            self._write(shipment)
        return shipment

    def refund(self, shipment_id: str, moment: datetime) -> Shipment:
        """Ask a label's price back: submitted, and decided later; rejected at once if it was scanned already."""
        shipment = self.get(shipment_id)
        code = shipment["tracking_code"]
        if code is None:
            raise RefundUnavailableError
        if shipment["refund_status"] in {"submitted", "refunded"}:
            return shipment
        scanned = self._trackers.scanned(code)
        due_at = None if scanned else to_micros(moment + self._refund_after)
        shipment["refund_status"] = "rejected" if scanned else "submitted"
        with self._store.transaction() as connection:
            connection.execute(
                "update shipment set refund_status = ?, refund_due_at = ? where id = ?",
                (shipment["refund_status"], due_at, shipment["id"]),
            )
        return shipment

    def settle_refunds(self, now: datetime) -> int:
        """Decide the refunds that are due: given back unless the label was used in the meantime."""
        rows = self._store.all("select * from shipment where refund_due_at <= ? order by refund_due_at", to_micros(now))
        for row in rows:
            with self._store.transaction() as connection:
                status = "rejected" if self._trackers.scanned(row["tracking_code"]) else "refunded"
                connection.execute(
                    "update shipment set refund_status = ?, refund_due_at = null where sequence = ?",
                    (status, row["sequence"]),
                )
                self._tell(row, status)
        return len(rows)

    def _tell(self, row: sqlite3.Row, status: str) -> None:
        if status != "refunded":
            return
        moment = from_micros(row["refund_due_at"])
        refund: Refund = {
            "id": new_id("rfnd"),
            "object": "Refund",
            "created_at": stamp(moment),
            "updated_at": stamp(moment),
            "tracking_code": row["tracking_code"],
            "confirmation_number": None,
            "status": status,
            "carrier": rating.CARRIER,
            "shipment_id": row["id"],
        }
        self._events.publish("refund.successful", refund, moment)

    def label_lines(self, label_id: str) -> tuple[str, list[str]]:
        """Say what is printed on a label: its tracking code, and the lines above it; raises NotFoundError."""
        row = self._store.one("select document from shipment where label_id = ?", label_id)
        if row is None:
            raise NotFoundError
        shipment = cast("Shipment", orjson.loads(row["document"]))
        address = shipment["to_address"]
        place = f"{address['zip'] or ''} {address['city'] or ''} {address['state'] or ''}".strip()
        printed = [_option(shipment, "print_custom_1"), _option(shipment, "print_custom_2")]
        lines = [address["name"], address["street1"], address["street2"], place, address["country"], *printed]
        return shipment["tracking_code"] or "", [line for line in lines if line]


def _option(shipment: Shipment, name: str) -> str | None:
    value = shipment["options"].get(name)
    return None if value is None else str(value)


def _rate_of(shipment: Shipment, service: str, carrier: str | None) -> Rate:
    for rate in shipment["rates"]:
        if rate["service"].lower() == service.lower() and carrier in {None, rate["carrier"]}:
            return rate
    reasons = [{"field": "service", "message": message["message"]} for message in shipment["messages"]]
    unknown = {"field": "service", "message": f"{carrier or rating.CARRIER} does not sell {service}"}
    raise PostageFailureError(cast("list[FieldError]", reasons or [unknown]))


def _passage(shipment: Shipment, rate: Rate, moment: datetime) -> Passage:
    origin, destination = shipment["from_address"], shipment["to_address"]
    whose = _option(shipment, "print_custom_1") or shipment["reference"]
    return {
        # Never an id of ours: the journey must not depend on the order in which parcels were bought.
        "custom_1": whose or f"{destination['zip']} {destination['street1']}",
        "custom_2": _option(shipment, "print_custom_2") or "",
        "service": rate["service"],
        "delivery_days": rate["delivery_days"],
        "bought_at": moment.replace(microsecond=0).isoformat(),
        "origin": location(origin["city"], origin["state"], origin["country"], origin["zip"]),
        "destination": location(destination["city"], destination["state"], destination["country"], destination["zip"]),
        "recipient": (destination["name"] or destination["company"] or "RESIDENT").upper(),
    }


def _fee(kind: str, amount: str) -> Fee:
    return {"object": "Fee", "type": kind, "amount": f"{Decimal(amount):.5f}", "charged": True, "refunded": False}


def _label(shipment: Shipment, moment: datetime, base_url: str) -> PostageLabel:
    label_id = new_id("pl")
    extension = _EXTENSIONS.get((_option(shipment, "label_format") or "PNG").upper(), "png")
    return {
        "object": "PostageLabel",
        "id": label_id,
        "created_at": stamp(moment),
        "updated_at": stamp(moment),
        "date_advance": 0,
        "integrated_form": "none",
        "label_date": stamp(moment),
        "label_resolution": 300,
        "label_size": "4x6",
        "label_type": "default",
        "label_file_type": media_type(extension),
        "label_url": f"{base_url}labels/{label_id}.{extension}",
        "label_pdf_url": None,
        "label_zpl_url": None,
        "label_epl2_url": None,
        "label_file": None,
    }

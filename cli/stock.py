"""Stock: what lies where, and every act that changes it; SKUs, locations and deliveries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Cursor, Json, Limit, Reason, group, json_file
from shared.auth import Role

stock = group("What lies where, and every act that changes it.")

Sku = Annotated[str, typer.Argument(help="The SKU's code.")]
Location = Annotated[str, typer.Argument(help="The location's code.")]
OnlySku = Annotated[str | None, typer.Option(help="Only this SKU.")]
OnlyLocation = Annotated[str | None, typer.Option(help="Only this location.")]
File = Annotated[Path, typer.Argument(help="A JSON file; - reads standard input.", allow_dash=True)]
_STOCK = (
    ("sku", "sku"),
    ("location", "location"),
    ("on hand", "on_hand"),
    ("reserved", "reserved"),
    ("damaged", "damaged"),
    ("quarantined", "quarantined"),
    ("safety", "safety_stock"),
    ("available", "available"),
)
_LEDGER = (
    ("at", "at"),
    ("sku", "sku"),
    ("location", "location"),
    ("act", "act"),
    ("units", "quantity"),
    ("on hand", "on_hand"),
    ("reserved", "reserved"),
    ("damaged", "damaged"),
    ("document", "document"),
    ("by", "actor"),
)
_RESERVATIONS = (
    ("reservation", "id"),
    ("sku", "sku"),
    ("units", "quantity"),
    ("location", "location"),
    ("state", "state"),
    ("since", "since"),
    ("expected", "expected_at"),
)
_INBOUNDS = (
    ("inbound", "id"),
    ("kind", "kind"),
    ("state", "state"),
    ("location", "location"),
    ("reference", "reference"),
    ("expected", "expected_at"),
    ("lines", "lines"),
)
_COUNT_TASKS = (("sku", "sku"), ("location", "location"), ("why", "reason"), ("since", "opened_at"))
_DRIFT = (
    ("sku", "sku"),
    ("location", "location"),
    ("on hand", "on_hand"),
    ("by the ledger", "ledger_on_hand"),
    ("reserved", "reserved"),
    ("by the ledger", "ledger_reserved"),
    ("held", "held"),
)
_SKUS = (("sku", "code"), ("name", "name"), ("grams", "weight_grams"), ("active", "active"), ("fragile", "fragile"))
_LOCATIONS = (
    ("location", "code"),
    ("name", "name"),
    ("city", "city"),
    ("country", "country_code"),
    ("zone", "time_zone"),
    ("active", "active"),
)


@stock.command("show")
def show_stock(
    sku: OnlySku = None, location: OnlyLocation = None, cursor: Cursor = None, limit: Limit = 100, as_json: Json = False
) -> None:
    """Show stock by SKU and location."""
    params = {"sku": sku, "location": location, "cursor": cursor, "limit": min(limit, 100)}
    show.rows(client.get("inventory", "/staff/stock", Role.SUPPORT, params), _STOCK, json=as_json, empty="no stock")


@stock.command("ledger")
def show_ledger(
    sku: OnlySku = None,
    location: OnlyLocation = None,
    document: Annotated[str | None, typer.Option(help="Only of this document, e.g. order:<id>.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Show every effect on stock, oldest first."""
    params = {"sku": sku, "location": location, "document": document, "cursor": cursor, "limit": min(limit, 100)}
    show.rows(client.get("inventory", "/staff/ledger", Role.SUPPORT, params), _LEDGER, json=as_json)


@stock.command("reservations")
def show_reservations(order: Annotated[str, typer.Argument(help="The order's id.")], as_json: Json = False) -> None:
    """Show an order's reservations, ended ones too."""
    answer = client.get("inventory", "/staff/reservations", Role.SUPPORT, {"order_id": order})
    show.rows(answer, _RESERVATIONS, json=as_json, empty="nothing was reserved")


@stock.command("release")
def release(
    reservation: Annotated[
        str, typer.Argument(help="The reservation's id, as `doorstep stock reservations` lists it.")
    ],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Give back what a reservation holds; units that its order still wants seek stock elsewhere, or wait for it."""
    path = f"/staff/reservations/{reservation}/release"
    answer = client.post("inventory", path, Role.WAREHOUSE_LEAD, {"reason": reason})
    quantity, sku = show.named(answer, "quantity"), show.named(answer, "sku")
    place = show.named(answer, "location")
    told = {
        "released": f"{quantity} {sku} are given back",
        "backordered": f"{quantity} {sku} are given back; their order waits for stock",
    }
    state = show.named(answer, "state")
    show.done(answer, told.get(state, f"{quantity} {sku} are {state} at {place} instead"), json=as_json)


@stock.command("receive")
def receive(  # noqa: PLR0913, PLR0917 - one argument each
    sku: Sku,
    location: Location,
    quantity: Annotated[int, typer.Argument(min=1, help="Units that came in.")],
    damaged: Annotated[int, typer.Option(min=0, help="Of these, how many cannot be sold.")] = 0,
    inbound: Annotated[str | None, typer.Option(help="Against this inbound.")] = None,
    reference: Annotated[str, typer.Option(help="The delivery note.")] = "free receipt",
    as_json: Json = False,
) -> None:
    """Book units in; who waits for them is served at once."""
    line = {"sku": sku, "location": location, "quantity": quantity, "damaged": damaged}
    body: dict[str, object] = {"lines": [line], "reference": reference}
    _change("receive", body | ({"inbound_id": inbound} if inbound else {}), as_json=as_json)


@stock.command("adjust")
def adjust(
    sku: Sku,
    location: Location,
    by: Annotated[int, typer.Option(help="Units more, or fewer when negative.")],
    reason: Reason,
    bucket: Annotated[str, typer.Option(help="on_hand, damaged or quarantined.")] = "on_hand",
    as_json: Json = False,
) -> None:
    """Correct a bucket; what is reserved beyond it is displaced, latest promise first."""
    line = {"sku": sku, "location": location, "quantity": by, "bucket": bucket}
    _change("adjust", {"lines": [line], "reason": reason}, as_json=as_json)


@stock.command("count")
def count(
    sku: Sku,
    location: Location,
    counted: Annotated[int, typer.Argument(min=0, help="All units in the house, in totes and parcels too.")],
    reason: Reason = "count",
    as_json: Json = False,
) -> None:
    """Book a count."""
    line = {"sku": sku, "location": location, "counted": counted}
    _change("count", {"lines": [line], "reason": reason}, as_json=as_json)


@stock.command("safety")
def set_safety(
    sku: Sku,
    location: Location,
    units: Annotated[int, typer.Argument(min=0, help="Units that allocation leaves alone.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Set the safety stock."""
    line = {"sku": sku, "location": location, "safety_stock": units}
    _change("safety", {"lines": [line], "reason": reason}, as_json=as_json)


@stock.command("transfer")
def transfer(  # noqa: PLR0913, PLR0917 - one argument each
    sku: Sku,
    source: Annotated[str, typer.Argument(help="From this location.")],
    target: Annotated[str, typer.Argument(help="To this one.")],
    quantity: Annotated[int, typer.Argument(min=1, help="Units to send.")],
    expected: Annotated[str, typer.Option(help="When they will arrive, ISO 8601 with a zone.")],
    reference: Annotated[str, typer.Option(help="The transfer's name.")] = "transfer",
    as_json: Json = False,
) -> None:
    """Send free units to another location, where they are expected as an inbound."""
    lines: list[JsonValue] = [{"sku": sku, "quantity": quantity}]
    body = {"source": source, "target": target, "expected_at": expected, "reference": reference, "lines": lines}
    answer = client.post("inventory", "/staff/stock/transfer", Role.WAREHOUSE_LEAD, body)
    show.done(answer, f"{quantity} {sku} are under way; inbound {show.named(answer, 'id')}", json=as_json)


@stock.command("count-tasks")
def list_count_tasks(location: OnlyLocation = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List what is to be counted, oldest first; `doorstep stock count` answers it."""
    answer = client.get("inventory", "/staff/count-tasks", Role.WAREHOUSE_LEAD, {"location": location, "limit": limit})
    show.rows(answer, _COUNT_TASKS, json=as_json, empty="nothing to count")


@stock.command("drift")
def compare_stock(as_json: Json = False) -> None:
    """List the stock rows that are not what their ledger and reservations say: none is how it should be."""
    answer = client.get("inventory", "/staff/drift", Role.OPERATOR)
    show.rows(answer, _DRIFT, json=as_json, empty="every row is the sum of its ledger")


@stock.command("skus")
def list_skus(
    barcode: Annotated[str | None, typer.Option(help="Only what a scanner reads as this.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List SKUs by code."""
    params = {"barcode": barcode, "cursor": cursor, "limit": min(limit, 100)}
    answer = client.get("inventory", "/staff/skus", Role.WAREHOUSE_LEAD, params)
    show.rows(answer, _SKUS, json=as_json, empty="no such SKU")


@stock.command("sku")
def show_sku(code: Sku, as_json: Json = False) -> None:
    """Show a SKU with its barcodes and bins."""
    answer = client.get("inventory", f"/staff/skus/{code}", Role.WAREHOUSE_LEAD)
    show.facts(answer, json=as_json, title=f"SKU {code}")


@stock.command("locations")
def list_locations(cursor: Cursor = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List locations by code."""
    params = {"cursor": cursor, "limit": min(limit, 100)}
    answer = client.get("inventory", "/staff/locations", Role.WAREHOUSE_LEAD, params)
    show.rows(answer, _LOCATIONS, json=as_json, empty="no location")


@stock.command("inbounds")
def list_inbounds(
    location: OnlyLocation = None,
    state: Annotated[str | None, typer.Option(help="announced, arrived, receiving or closed.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List deliveries that are expected or came, newest first."""
    params = {"location": location, "state": state, "limit": min(limit, 100)}
    answer = client.get("inventory", "/staff/inbounds", Role.SUPPORT, params)
    show.rows(answer, _INBOUNDS, json=as_json, empty="nothing is expected")


@stock.command("save-skus")
def save_skus(file: File, as_json: Json = False) -> None:
    """Insert or replace SKUs: {"skus": [...]} with weights in grams and sizes in millimetres."""
    _save("/staff/skus", file, as_json=as_json)


@stock.command("save-locations")
def save_locations(file: File, as_json: Json = False) -> None:
    """Insert or replace locations: {"locations": [...]} with address, calendar and cut-offs."""
    _save("/staff/locations", file, as_json=as_json)


def _save(path: str, file: Path, *, as_json: bool) -> None:
    answer = client.post("inventory", path, Role.WAREHOUSE_LEAD, json_file(file))
    show.done(answer, f"{show.named(answer, 'saved')} saved", json=as_json)


def _change(act: str, body: Mapping[str, object], *, as_json: bool) -> None:
    answer = client.post("inventory", f"/staff/stock/{act}", Role.WAREHOUSE_LEAD, body)
    if as_json:
        show.as_json(answer)
        return
    facts = answer if isinstance(answer, dict) else {}
    show.rows(facts.get("lines"), _STOCK, json=False)
    for name, sentence in (("backorders_filled", "waiting units were served"), ("displaced", "units lost their place")):
        if facts.get(name):
            show.out.print(f"{facts[name]} {sentence}")

"""Shipments: find them, look at every scan, void, book again, repair."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Cursor, Json, Limit, Reason, aware, group
from shared.auth import Role

shipments = group("Parcels outside the house.")

Identity = Annotated[str, typer.Argument(help="The shipment's id.")]
COLUMNS = (
    ("shipment", "id"),
    ("order", "order_id"),
    ("status", "status"),
    ("flags", "flags"),
    ("carrier", "carrier"),
    ("tracking", "tracking_number"),
    ("from", "location"),
    ("last scan", "last_scan_at"),
    ("due", "progress.due_at"),
    ("failure", "failure_code"),
)
RECONCILED = (
    ("tracking", "tracking_number"),
    ("carrier", "carrier"),
    ("carrier's id", "carrier_shipment_id"),
    ("reference", "reference"),
    ("outcome", "outcome"),
)


@shipments.command("find")
def find_shipments(  # noqa: PLR0913, PLR0917 - one option each
    order: Annotated[str | None, typer.Option(help="Of this order (its id).")] = None,
    status: Annotated[str | None, typer.Option(help="In this state.")] = None,
    tracking: Annotated[str | None, typer.Option(help="With this tracking number.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Past the longest stay of their state.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Find shipments."""
    params = {"order_id": order, "status": status, "tracking_number": tracking, "cursor": cursor, "limit": limit}
    answer = client.get("shipping", "/staff/shipments", Role.SUPPORT, {**params, "overdue": overdue})
    show.rows(answer, COLUMNS, json=as_json, empty="no such shipment")


@shipments.command("show")
def show_shipment(identity: Identity, as_json: Json = False) -> None:
    """Show a shipment with its labels and all that was said of it."""
    answer = client.get("shipping", f"/staff/shipments/{identity}", Role.SUPPORT)
    show.facts(answer, json=as_json, title=f"shipment {identity}")


@shipments.command("label")
def save_label(
    identity: Identity,
    file: Annotated[Path, typer.Argument(help="Where to write the label.")],
    wanted: Annotated[str | None, typer.Option("--format", help="png, pdf or zpl.")] = None,
    as_json: Json = False,
) -> None:
    """Save a label as the bench prints it, or in another format that the carrier gives."""
    params = {"format": wanted} if wanted else None
    answer = client.call("shipping", f"GET /staff/shipments/{identity}/label", Role.WAREHOUSE_LEAD, params=params)
    file.write_bytes(answer.content)
    written: dict[str, JsonValue] = {
        "file": str(file),
        "bytes": len(answer.content),
        "media_type": answer.headers.get("content-type", ""),
    }
    show.done(written, f"{file}: {written['bytes']} bytes", json=as_json)


@shipments.command("buy")
def buy_label(
    parcel: Annotated[str, typer.Argument(help="The parcel's id.")],
    wait: Annotated[int, typer.Option(min=0, max=10, help="Seconds to wait for it.")] = 10,
    as_json: Json = False,
) -> None:
    """Have a closed parcel's label bought now; the same parcel gives the same label again."""
    answer = client.call("shipping", f"POST /staff/parcels/{parcel}/label", Role.WAREHOUSE_LEAD, params={"wait": wait})
    label = cast("JsonValue", answer.json())
    show.done(label, f"{show.named(label, 'carrier')} {show.named(label, 'tracking_number')}", json=as_json)


@shipments.command("void")
def void_shipment(identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Give the label back, or see to it that none is bought."""
    _act(identity, "void", {"reason": reason}, as_json=as_json)


@shipments.command("retry")
def retry_booking(identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Book again what the carrier refused."""
    _act(identity, "retry-booking", {"reason": reason}, as_json=as_json)


@shipments.command("set-status")
def set_status(
    identity: Identity,
    status: Annotated[str, typer.Argument(help="Where the parcel really is.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Repair where a parcel is; later scans lead on from it."""
    _act(identity, "set-status", {"status": status, "reason": reason}, as_json=as_json)


@shipments.command("reconcile")
def reconcile(
    since: Annotated[datetime, typer.Option(help="The moment of shipping's backup, UTC unless it names a zone.")],
    reason: Reason,
    give_back: Annotated[bool, typer.Option("--give-back", help="Give back what no parcel here waits for.")] = False,
    as_json: Json = False,
) -> None:
    """After a restore: take over the labels that the carrier has sold since, and name those of no parcel."""
    body: JsonValue = {"since": aware(since).isoformat(), "give_back": give_back, "reason": reason}
    answer = client.post("shipping", "/staff/carrier-labels/reconcile", Role.OPERATOR, body)
    show.rows(answer, RECONCILED, json=as_json, empty="the carrier has sold nothing that is not known here")


def _act(identity: str, verb: str, body: dict[str, str], *, as_json: bool) -> None:
    answer = client.post("shipping", f"/staff/shipments/{identity}/{verb}", Role.OPERATOR, body)
    show.done(answer, f"shipment {identity} is {show.named(answer, 'status')}", json=as_json)

"""The bench and the dock: fulfilment orders, parcels, labels, hand-over, damage and put-backs."""

from collections.abc import Mapping
from typing import Annotated

import typer

from cli import client, show
from cli.options import Cursor, Json, Limit, group
from shared.auth import Role

parcels = group("The bench and the dock: pack, label, hand over, put back.")

Fulfilment = Annotated[str, typer.Argument(help="The fulfilment order's id.")]
Identity = Annotated[str, typer.Argument(help="The parcel's id.")]
Location = Annotated[str, typer.Argument(help="The location's code.")]
Weight = Annotated[int, typer.Option(min=1, help="What the scale says, in grams.")]
Size = Annotated[tuple[int, int, int], typer.Option(help="Length, width and height in millimetres.")]
Tare = Annotated[int, typer.Option(min=0, help="The empty box with its padding, in grams.")]
_FULFILMENTS = (
    ("fulfilment", "id"),
    ("order", "number"),
    ("location", "location"),
    ("state", "state"),
    ("since", "since"),
    ("cut-off", "cut_off_at"),
    ("late", "late"),
    ("why", "why"),
    ("unblock", "unblock"),
)
_BACKLOG = (
    ("location", "location"),
    ("cut-off", "cut_off_at"),
    ("orders", "orders"),
    ("to pick", "to_pick"),
    ("packed", "packed"),
    ("stuck", "stuck"),
    ("late", "late"),
)
_PARCELS = (
    ("parcel", "id"),
    ("order", "number"),
    ("location", "location"),
    ("state", "state"),
    ("label", "label.state"),
    ("tracking", "label.tracking_number"),
    ("cut-off", "cut_off_at"),
)


@parcels.command("work")
def list_fulfilments(
    location: Annotated[str | None, typer.Option(help="Only here.")] = None,
    state: Annotated[str | None, typer.Option(help="open, in_progress, packed, cancel_requested, ...")] = None,
    late: Annotated[bool, typer.Option("--late", help="Whose cut-off has passed.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List fulfilment orders: what a location has to pick, pack and hand over."""
    params = {"location": location, "state": state, "late": late, "cursor": cursor, "limit": min(limit, 200)}
    answer = client.get("inventory", "/staff/fulfilments", Role.WAREHOUSE_LEAD, params)
    show.rows(answer, _FULFILMENTS, json=as_json, empty="nothing to do")


@parcels.command("backlog")
def show_backlog(as_json: Json = False) -> None:
    """Say what is not handed over yet, by location and cut-off."""
    answer = client.get("inventory", "/staff/backlog", Role.WAREHOUSE_LEAD)
    show.rows(answer, _BACKLOG, json=as_json, empty="everything has left")


@parcels.command("workload")
def show_workload(location: Location, as_json: Json = False) -> None:
    """Count what waits at a location: work by whose hands it is in, parcels by carrier, deliveries, counts."""
    answer = client.get("inventory", "/staff/workload", Role.WAREHOUSE_LEAD, {"location": location})
    show.facts(answer, json=as_json, title=f"work at {location}")


@parcels.command("order")
def show_order(order: Annotated[str, typer.Argument(help="The order's id.")], as_json: Json = False) -> None:
    """Show all that the warehouse has of an order."""
    answer = client.get("inventory", f"/staff/orders/{order}", Role.WAREHOUSE_LEAD)
    show.facts(answer, json=as_json, title=f"order {order}")


@parcels.command("list")
def list_parcels(
    location: Annotated[str | None, typer.Option(help="Only here.")] = None,
    state: Annotated[str | None, typer.Option(help="open, verified, closed, labelled, staged, handed_over.")] = None,
    tracking: Annotated[str | None, typer.Option(help="With this tracking number.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List parcels."""
    params = {"location": location, "state": state, "tracking_number": tracking, "limit": min(limit, 200)}
    answer = client.get("inventory", "/staff/parcels", Role.WAREHOUSE_LEAD, params)
    show.rows(answer, _PARCELS, json=as_json, empty="no such parcel")


@parcels.command("show")
def show_parcel(identity: Identity, as_json: Json = False) -> None:
    """Show a parcel with its contents, weights and label."""
    answer = client.get("inventory", f"/staff/parcels/{identity}", Role.WAREHOUSE_LEAD)
    show.facts(answer, json=as_json, title=f"parcel {identity}")


@parcels.command("add")
def scan_into_parcel(
    identity: Identity,
    barcode: Annotated[str, typer.Argument(help="The code on the goods.")],
    quantity: Annotated[int, typer.Option(min=1, help="How many times it was read.")] = 1,
    as_json: Json = False,
) -> None:
    """Scan further units into an open parcel."""
    _step(identity, "scans", {"barcode": barcode, "quantity": quantity}, as_json=as_json)


@parcels.command("weigh")
def weigh_parcel(identity: Identity, weight: Weight, size: Size, tare: Tare = 0, as_json: Json = False) -> None:
    """Weigh and measure a parcel."""
    _step(identity, "weighings", _measured(weight, size, tare), as_json=as_json)


@parcels.command("close")
def close_parcel(identity: Identity, as_json: Json = False) -> None:
    """Close a weighed parcel: its label is bought."""
    _step(identity, "closings", {}, as_json=as_json)


@parcels.command("discard")
def discard_parcel(identity: Identity, as_json: Json = False) -> None:
    """Lay the contents of an open parcel back into the tote."""
    _step(identity, "discards", {}, as_json=as_json)


@parcels.command("read-label")
def read_label(identity: Identity, as_json: Json = False) -> None:
    """Show a parcel's label as it is, without asking for one."""
    answer = client.get("inventory", f"/staff/parcels/{identity}/label", Role.WAREHOUSE_LEAD)
    state, tracking = show.named(answer, "parcel.label.state"), show.named(answer, "label.tracking_number")
    show.done(answer, f"the label is {state}: {tracking}", json=as_json)


@parcels.command("pack")
def pack_parcel(fulfilment: Fulfilment, weight: Weight, size: Size, tare: Tare = 0, as_json: Json = False) -> None:
    """Pack all that lies in the tote into one parcel, weigh and close it."""
    body = {**_measured(weight, size, tare), "close": True}
    answer = client.post("inventory", f"/staff/fulfilments/{fulfilment}/parcels", Role.PICKER, body)
    show.done(answer, f"parcel {show.named(answer, 'id')} is {show.named(answer, 'state')}", json=as_json)


@parcels.command("label")
def label_parcel(identity: Identity, as_json: Json = False) -> None:
    """Ask for the label and wait up to ten seconds."""
    answer = client.post("inventory", f"/staff/parcels/{identity}/label", Role.PICKER, {})
    tracking = show.named(answer, "label.tracking_number")
    waiting = "no label yet: the parcel waits on the shelf"
    said = f"{show.named(answer, 'label.carrier')} {show.named(answer, 'label.service')} {tracking}"
    show.done(answer, waiting if tracking == "-" else said, json=as_json)


@parcels.command("reopen")
def reopen_parcel(
    identity: Identity,
    reason: Annotated[str, typer.Option(help="Why; the label is given back.")],
    as_json: Json = False,
) -> None:
    """Open a closed parcel again, after its label was given back."""
    _step(identity, "reopenings", {"reason": reason}, as_json=as_json)


@parcels.command("stage")
def stage_parcel(
    location: Location,
    tracking: Annotated[str, typer.Argument(help="The printed label's tracking number.")],
    as_json: Json = False,
) -> None:
    """Scan a printed label: the parcel lies in the carrier's lane."""
    body = {"location": location, "tracking_number": tracking}
    answer = client.post("inventory", "/staff/stagings", Role.PICKER, body)
    show.done(answer, f"parcel {show.named(answer, 'id')} is {show.named(answer, 'state')}", json=as_json)


@parcels.command("hand-over")
def hand_over(
    location: Location,
    carrier: Annotated[str, typer.Argument(help="Whose truck it is.")],
    tracking: Annotated[list[str], typer.Argument(help="Tracking numbers scanned into it.")],
    manifest: Annotated[str, typer.Option(help="The manifest's number.")] = "",
    as_json: Json = False,
) -> None:
    """Hand parcels over to a carrier: the last gate; what must not leave is refused with the reason."""
    numbers = [*tracking]
    body = {"location": location, "carrier": carrier, "tracking_numbers": numbers, "manifest": manifest}
    answer = client.post("inventory", "/staff/hand-overs", Role.PICKER, body)
    if as_json or not isinstance(answer, dict):
        show.as_json(answer)
        return
    show.out.print(f"{len(show.list_of(answer.get('accepted')))} left")
    refused = (("tracking", "tracking_number"), ("refused", "code"), ("why", "detail"))
    show.rows(answer.get("refused"), refused, json=False, empty="none refused")


@parcels.command("left")
def note_departure(
    identity: Identity,
    reason: Annotated[str, typer.Option(help="How it is known that the parcel left.")],
    as_json: Json = False,
) -> None:
    """Record a parcel that left though no dispatch scan saw it, whatever label it travels with."""
    answer = client.post("inventory", f"/staff/parcels/{identity}/departures", Role.WAREHOUSE_LEAD, {"reason": reason})
    show.done(answer, f"parcel {identity} has left: its units are out of stock", json=as_json)


@parcels.command("damage")
def report_damage(
    fulfilment: Fulfilment,
    sku: Annotated[str, typer.Argument(help="The SKU's code.")],
    quantity: Annotated[int, typer.Argument(min=1, help="Damaged units.")] = 1,
    as_json: Json = False,
) -> None:
    """Report picked units that were found damaged; they are replaced where there is stock."""
    body = {"sku": sku, "quantity": quantity}
    answer = client.post("inventory", f"/staff/fulfilments/{fulfilment}/damages", Role.PICKER, body)
    show.done(
        answer, f"replaced: {show.named(answer, 'replaced')}; {show.named(answer, 'backordered')} wait", json=as_json
    )


@parcels.command("put-back")
def put_back(
    fulfilment: Fulfilment,
    barcode: Annotated[str, typer.Argument(help="The code on the goods.")],
    quantity: Annotated[int, typer.Option(min=1, help="How many times it was read.")] = 1,
    as_json: Json = False,
) -> None:
    """Lay cancelled units back on their shelf by scan."""
    body = {"barcode": barcode, "quantity": quantity}
    answer = client.post("inventory", f"/staff/fulfilments/{fulfilment}/put-backs", Role.PICKER, body)
    show.done(answer, f"put back: {show.named(answer, 'put_back')}; due: {show.named(answer, 'due')}", json=as_json)


def _step(identity: str, verb: str, body: Mapping[str, object], *, as_json: bool) -> None:
    answer = client.post("inventory", f"/staff/parcels/{identity}/{verb}", Role.PICKER, body)
    show.done(answer, f"parcel {identity} is {show.named(answer, 'state')}", json=as_json)


def _measured(weight: int, size: tuple[int, int, int], tare: int) -> dict[str, int]:
    length, width, height = size
    return {
        "weight_grams": weight, "length_mm": length, "width_mm": width, "height_mm": height, "tare_grams": tare,
    }  # fmt: skip

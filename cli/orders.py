"""Orders: place, read, find, explain, hold, cancel, and drive again."""

from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import JsonValue

from cli import client, show, storefronts
from cli.options import Cursor, Json, Limit, Reason, group, json_file
from cli.storefronts import Storefront
from shared.auth import Role
from shared.ids import new_id

orders = group("Orders, from placed to the doorstep.")

Named = Annotated[str, typer.Argument(help="The order: its id, its number, or ref:<reference>.")]
Note = Annotated[str, typer.Option(help="What to remember about it.")]
_ORDERS = (
    ("order", "number"),
    ("reference", "reference"),
    ("status", "status"),
    ("fulfilment", "fulfilment_status"),
    ("payment", "payment_status"),
    ("exception", "exception_status"),
    ("placed", "placed_at"),
    ("deliver by", "promise.deliver_by_latest"),
    ("next", "next_step.what"),
    ("by", "next_step.by"),
)
_FOUND = (
    ("order", "number"),
    ("reference", "reference"),
    ("status", "status"),
    ("fulfilment", "fulfilment_status"),
    ("placed", "placed_at"),
    ("found by", "matched"),
    ("id", "order_id"),
)
_LINES = (
    ("line", "reference"),
    ("sku", "sku"),
    ("name", "name"),
    ("units", "quantity"),
    ("where", "where"),
    ("expected", "expected_at"),
)
_SHIPMENTS = (
    ("shipment", "id"),
    ("carrier", "carrier"),
    ("tracking", "tracking_number"),
    ("status", "status"),
    ("flags", "flags"),
    ("last scan", "last_scan_at"),
    ("delivered", "delivered_at"),
)
_TIMELINE = (("at", "at"), ("source", "source"), ("what", "what"), ("by", "actor"), ("audience", "audience"))
_WAITING = (
    ("stage", "stage"),
    ("step", "step"),
    ("holder", "holder"),
    ("since", "since"),
    ("due", "due_at"),
    ("overdue", "overdue"),
    ("unblocked by", "unblock"),
)
_MOST_EXCEPTIONS = 100
_BUCKETS = (
    "open",
    "backordered",
    "reserved",
    "picked",
    "packed",
    "in_transit",
    "delivered",
    "cancelled",
    "lost",
    "returned_to_sender",
    "written_off",
)
_PROMISES = (
    ("revision", "revision"),
    ("ship by", "ship_by"),
    ("deliver by", "deliver_by_latest"),
    ("source", "source"),
    ("made", "made_at"),
    ("why", "reason"),
    ("slipped for", "attributed_to"),
    ("minutes", "slip_minutes"),
    ("outcome", "outcome"),
)


@orders.command("place")
def place(
    file: Annotated[Path, typer.Argument(help="The order as JSON; - reads standard input.", allow_dash=True)],
    storefront: Storefront = None,
    key: Annotated[str | None, typer.Option(help="The Idempotency-Key; a new one unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Place an order as a storefront does; every bad field is named at once."""
    body = json_file(file)
    answer = client.call(
        "orders",
        "POST /v1/orders",
        storefronts.key_of(storefront),
        body=body,
        headers={"Idempotency-Key": key or str(new_id())},
    )
    placed = cast("JsonValue", answer.json())
    number, by = show.named(placed, "number"), show.named(placed, "promise.deliver_by_latest")
    show.done(placed, f"order {number} is placed, promised by {by}", json=as_json)


@orders.command("list")
def list_orders(
    storefront: Storefront = None,
    updated_after: Annotated[str | None, typer.Option(help="Changed since, ISO 8601.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List a storefront's orders in the order they came in."""
    params = {"updated_after": updated_after, "cursor": cursor, "limit": min(limit, 100)}
    answer = client.call("orders", "GET /v1/orders", storefronts.key_of(storefront), params=params)
    show.rows(cast("JsonValue", answer.json()), _ORDERS, json=as_json, empty="no order")


@orders.command("find")
def find(
    query: Annotated[str, typer.Argument(help="Number, reference, e-mail, phone, tracking number, name and postcode.")],
    as_json: Json = False,
) -> None:
    """Find an order by anything the caller has."""
    answer = client.get("orders", "/staff/look-up", Role.SUPPORT, {"q": query})
    show.rows(answer, _FOUND, json=as_json, empty="no order answers to this")


@orders.command("get")
def get(named: Named, as_json: Json = False) -> None:
    """Show where an order and each of its units is, and what happens next."""
    answer = client.get("orders", f"/staff/orders/{named}", Role.SUPPORT)
    if as_json or not isinstance(answer, dict):
        show.as_json(answer)
        return
    show.rows([answer], _ORDERS, json=False)
    lines: list[JsonValue] = [
        {**line, "where": [f"{show.cell(line[bucket])} {bucket}" for bucket in _BUCKETS if line.get(bucket)]}
        for line in show.list_of(answer.get("lines"))
    ]
    show.rows(lines, _LINES, json=False)
    for part, columns in (
        ("shipments", _SHIPMENTS),
        ("holds", (("held for", "reason"), ("since", "since"), ("id", "id"))),
    ):
        if answer.get(part):
            show.rows(answer[part], columns, json=False)


@orders.command("timeline")
def timeline(named: Named, as_json: Json = False) -> None:
    """List all facts of an order in the order they were learned."""
    answer = client.get("orders", f"/staff/orders/{named}/timeline", Role.SUPPORT)
    show.rows(answer, _TIMELINE, json=as_json)


@orders.command("explain")
def explain(named: Named, as_json: Json = False) -> None:
    """Say what blocks an order, who holds it, since when, until when, and what unblocks it."""
    answer = client.get("orders", f"/staff/orders/{named}/explain", Role.SUPPORT)
    if as_json or not isinstance(answer, dict):
        show.as_json(answer)
        return
    status, fulfilment = answer.get("status"), answer.get("fulfilment_status")
    show.out.print(f"order {answer.get('number')} is {status}, {fulfilment}")
    steps: list[JsonValue] = [step for step in (answer.get("blocking"), *show.list_of(answer.get("also"))) if step]
    show.rows(steps, _WAITING, json=False, empty="nothing blocks it")


@orders.command("stages")
def count_stages(
    location: Annotated[str | None, typer.Option(help="Only of this warehouse.")] = None, as_json: Json = False
) -> None:
    """Count the orders at work by stage."""
    answer = client.get("orders", "/staff/stages", Role.SUPPORT, {"location": location})
    show.facts(answer, json=as_json, title="orders at work")


@orders.command("promises")
def list_promises(named: Named, as_json: Json = False) -> None:
    """List all promises of an order, the original first, each with its outcome."""
    answer = client.get("orders", f"/staff/orders/{named}/promises", Role.SUPPORT)
    show.rows(answer, _PROMISES, json=as_json, empty="nothing was promised")


@orders.command("cancel")
def cancel(
    named: Named,
    why: Annotated[
        str, typer.Option("--reason", help="customer, fraud, inventory, payment, staff or other.")
    ] = "customer",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Ask for all that can still be cancelled; each line gets its outcome."""
    body = {"reason": why, "note": note}
    answer = client.post("orders", f"/staff/orders/{named}/cancellations", Role.SUPPORT, body)
    columns = (("sku", "sku"), ("units", "quantity"), ("outcome", "outcome"))
    lines = answer.get("lines") if isinstance(answer, dict) else None
    if as_json:
        show.as_json(answer)
    else:
        show.out.print(f"cancellation {show.named(answer, 'id')} is {show.named(answer, 'status')}")
        show.rows(lines, columns, json=False)


@orders.command("hold")
def hold(
    named: Named,
    reason: Annotated[str, typer.Option(help="fraud, address, payment, possible_duplicate, manual, customer_request.")],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Hold an order, up to its hand-over."""
    _act(named, "holds", {"reason": reason, "note": note}, as_json=as_json)


@orders.command("unhold")
def unhold(
    named: Named,
    identity: Annotated[str, typer.Argument(help="The hold's id.")],
    note: Annotated[str, typer.Option(help="Why it may go.")],
    as_json: Json = False,
) -> None:
    """Let a hold go."""
    _act(named, f"holds/{identity}/release", {"note": note}, as_json=as_json)


@orders.command("reject")
def reject(
    named: Named,
    reason: Annotated[str, typer.Option(help="fraud, payment or address.")],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Refuse an order that was placed."""
    _act(named, "reject", {"reason": reason, "note": note}, as_json=as_json)


@orders.command("promise")
def promise(
    named: Named,
    deliver_by: Annotated[str, typer.Option(help="The new date, ISO 8601 with a zone.")],
    reason: Reason,
    attributed_to: Annotated[str, typer.Option(help="stock, warehouse, carrier, customer or other.")] = "other",
    as_json: Json = False,
) -> None:
    """Promise another date."""
    body = {"deliver_by_latest": deliver_by, "reason": reason, "attributed_to": attributed_to}
    _act(named, "promises", body, as_json=as_json)


@orders.command("release")
def drive_again(named: Named, reason: Reason, as_json: Json = False) -> None:
    """Look at an order once more and release what can be (a repair)."""
    _act(named, "release", {"reason": reason}, role=Role.OPERATOR, as_json=as_json)


@orders.command("write-off")
def write_off(
    named: Named,
    line: Annotated[str, typer.Argument(help="The line's id.")],
    quantity: Annotated[int, typer.Argument(min=1, help="Units.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Give units up that nobody will deliver any more (a repair)."""
    body = {"line_id": line, "quantity": quantity, "reason": reason}
    _act(named, "write-offs", body, role=Role.OPERATOR, as_json=as_json)


@orders.command("exceptions")
def show_exceptions(named: Named, reason: Reason, as_json: Json = False) -> None:
    """Have orders show of an order the exceptions that care has open, and no others (a repair)."""
    identity = show.named(client.get("orders", f"/staff/orders/{named}", Role.OPERATOR), "id")
    wanted: client.Params = {"order_id": identity, "open": True, "limit": _MOST_EXCEPTIONS}
    found = show.list_of(client.get("care", "/staff/exceptions", Role.OPERATOR, wanted))
    body = {"exceptions": {str(row["id"]): str(row["kind"]) for row in found}, "reason": reason}
    _act(named, "exceptions", body, role=Role.OPERATOR, as_json=as_json)


def _act(named: str, verb: str, body: object, *, role: Role = Role.SUPPORT, as_json: bool) -> None:
    answer = client.post("orders", f"/staff/orders/{named}/{verb}", role, body)
    number, status, holds = (show.named(answer, name) for name in ("number", "status", "holds"))
    show.done(answer, f"order {number} is {status}; holds: {holds}", json=as_json)

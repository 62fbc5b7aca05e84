"""Personal data: forget a customer, see what an erasure waits for, hand out all that is kept of somebody."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Cursor, Json, Limit, Reason, group
from deploy.local import names
from deploy.local.credentials import write_private
from shared.auth import Role

privacy = group("Personal data: erase and export.")

Order = Annotated[str | None, typer.Argument(help="The order: its id, its number, or ref:<reference>.")]
Email = Annotated[str | None, typer.Option(help="Instead of an order: all orders with this e-mail as their own.")]
_WISHES = (
    ("order", "number"),
    ("state", "state"),
    ("waits for", "waits_for"),
    ("due", "due_at"),
    ("asked", "asked_at"),
    ("by", "asked_by"),
    ("reason", "reason"),
)


@privacy.command("erase")
def erase(reason: Reason, order: Order = None, email: Email = None, as_json: Json = False) -> None:
    """Forget a customer everywhere, as soon as no order, refund, remedy or case of theirs is open; for good."""
    body = {"order": order, "email": email, "reason": reason}
    wanted = {name: value for name, value in body.items() if value is not None}
    answer = client.post("orders", "/staff/erasures", Role.ADMIN, wanted)
    show.rows(answer, _WISHES, json=as_json)


@privacy.command("list")
def list_erasures(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List the erasures that were asked for, and what each still waits for."""
    params = {"state": "waiting" if waiting else None, "cursor": cursor, "limit": min(limit, 200)}
    show.rows(client.get("orders", "/staff/erasures", Role.ADMIN, params), _WISHES, json=as_json, empty="no erasure")


@privacy.command("export")
def export(
    order: Order = None,
    email: Email = None,
    report: Annotated[Path | None, typer.Option(help="Write to this file, for your eyes only.")] = None,
    as_json: Json = False,
) -> None:
    """Give all that the services keep of a customer's orders, as JSON; each look is audited."""
    exported: list[JsonValue] = [_all_of(order_id) for order_id in _orders_of(order, email)]
    if report is not None:
        write_private(report, orjson.dumps({"orders": exported}, option=orjson.OPT_INDENT_2).decode())
        show.done({"orders": len(exported)}, f"{len(exported)} orders are in {report}", json=as_json)
    else:
        show.as_json({"orders": exported})


def _orders_of(order: str | None, email: str | None) -> list[str]:
    if (order is None) == (email is None):
        client.fail("name either an order or an --email")
    if order is not None:
        return [show.named(client.get("orders", f"/staff/orders/{order}", Role.ADMIN), "id")]
    found = show.list_of(client.get("orders", "/staff/look-up", Role.ADMIN, {"q": email or ""}))
    mine = [str(row["order_id"]) for row in found if "email" in str(row.get("matched"))]
    if not mine:
        client.fail("no order has this e-mail")
    return mine


def _all_of(order_id: str) -> JsonValue:
    parts = {
        name: show.at(client.get(name, f"/staff/personal-data/{order_id}", Role.ADMIN), "data")
        for name in names.SERVICES
    }
    return {"order_id": order_id, **{name: part for name, part in parts.items() if part}}

"""Pick lists: taken, walked, scanned, shorted, given back."""

from typing import Annotated

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Cursor, Json, Limit, group
from shared.auth import Role

picks = group("Pick lists: who walks where for which orders.")

Identity = Annotated[str, typer.Argument(help="The list's id.")]
Location = Annotated[str, typer.Argument(help="The location's code.")]
Quantity = Annotated[int, typer.Option(min=1, help="How many times the code was read.")]
_LISTS = (
    ("list", "id"),
    ("location", "location"),
    ("mode", "mode"),
    ("state", "state"),
    ("picker", "picker"),
    ("orders", "orders"),
    ("units left", "remaining"),
    ("cut-off", "cut_off_at"),
    ("due", "due_at"),
)
_TASKS = (
    ("bin", "bin"),
    ("sku", "sku"),
    ("name", "name"),
    ("scan", "scan"),
    ("units", "quantity"),
    ("picked", "picked"),
    ("short", "shorted"),
    ("left", "remaining"),
    ("tote", "tote"),
    ("state", "state"),
    ("task", "task_id"),
)


@picks.command("lists")
def list_lists(
    location: Annotated[str | None, typer.Option(help="Only here.")] = None,
    state: Annotated[str | None, typer.Option(help="planned, assigned, picking or done.")] = None,
    picker: Annotated[str | None, typer.Option(help="Only of this person.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List pick lists in the order in which they were planned."""
    params = {"location": location, "state": state, "picker": picker, "cursor": cursor, "limit": min(limit, 200)}
    answer = client.get("inventory", "/staff/pick-lists", Role.WAREHOUSE_LEAD, params)
    show.rows(answer, _LISTS, json=as_json, empty="no pick list")


@picks.command("show")
def show_list(identity: Identity, as_json: Json = False) -> None:
    """Show a list in walking order."""
    answer = client.get("inventory", f"/staff/pick-lists/{identity}", Role.WAREHOUSE_LEAD)
    _show(answer, as_json=as_json)


@picks.command("plan")
def plan_list(
    location: Annotated[str, typer.Argument(help="The location's code.")],
    mode: Annotated[str, typer.Option(help="single or multi_order_cart.")] = "single",
    as_json: Json = False,
) -> None:
    """Make the next list without anybody on it; `doorstep picks assign` puts a picker on it."""
    answer = client.post("inventory", "/staff/pick-lists", Role.WAREHOUSE_LEAD, {"location": location, "mode": mode})
    show.facts(answer, json=as_json, title="pick list")


@picks.command("next")
def take_next_list(
    location: Location,
    mode: Annotated[str, typer.Option(help="single or multi_order_cart.")] = "multi_order_cart",
    most: Annotated[int, typer.Option("--max-orders", min=1, max=60, help="Orders on one cart.")] = 8,
    as_json: Json = False,
) -> None:
    """Take the next list: your unfinished one, a planned one, or the most urgent orders."""
    body = {"location": location, "mode": mode, "max_orders": most}
    answer = client.post("inventory", "/staff/pick-lists/next", Role.PICKER, body)
    if answer is None and not as_json:
        show.out.print(f"nothing to pick at {location}")
        return
    _show(answer, as_json=as_json)


@picks.command("assign")
def assign_list(
    identity: Identity, picker: Annotated[str, typer.Argument(help="Who shall pick it.")], as_json: Json = False
) -> None:
    """Give a list to a picker."""
    answer = client.post("inventory", f"/staff/pick-lists/{identity}/assign", Role.WAREHOUSE_LEAD, {"picker": picker})
    show.done(answer, f"{picker} has the list", json=as_json)


@picks.command("unassign")
def unassign_list(identity: Identity, as_json: Json = False) -> None:
    """Give a list back, or take it from its picker as a lead."""
    answer = client.post("inventory", f"/staff/pick-lists/{identity}/unassign", Role.WAREHOUSE_LEAD, {})
    show.done(answer, "the list is nobody's", json=as_json)


@picks.command("scan")
def confirm_pick(
    identity: Identity,
    barcode: Annotated[str, typer.Argument(help="The code on the goods.")],
    tote: Annotated[str | None, typer.Option(help="Into this tote.")] = None,
    quantity: Quantity = 1,
    as_json: Json = False,
) -> None:
    """Confirm a pick by scan; a wrong item or one too many is refused with the reason."""
    body = {"barcode": barcode, "tote": tote, "quantity": quantity}
    answer = client.post("inventory", f"/staff/pick-lists/{identity}/scans", Role.PICKER, body)
    _scanned(answer, f"{show.named(answer, 'units')} {show.named(answer, 'task.sku')}", as_json=as_json)


@picks.command("undo")
def undo_last_scan(identity: Identity, as_json: Json = False) -> None:
    """Take the last scan back."""
    answer = client.post("inventory", f"/staff/pick-lists/{identity}/undo", Role.PICKER, {})
    _scanned(answer, f"taken back: {show.named(answer, 'task.sku')}", as_json=as_json)


@picks.command("short")
def short_pick(
    identity: Identity,
    task: Annotated[str, typer.Argument(help="The task's id.")],
    quantity: Annotated[int, typer.Argument(min=1, help="Units that are missing.")],
    reason: Annotated[str, typer.Option(help="not_found, mismatch or damaged.")],
    as_json: Json = False,
) -> None:
    """Report units that are not on the shelf as they should be; they are looked for elsewhere."""
    body = {"task_id": task, "quantity": quantity, "reason": reason}
    answer = client.post("inventory", f"/staff/pick-lists/{identity}/shorts", Role.PICKER, body)
    replaced = show.at(answer, "replaced") if isinstance(answer, dict) else None
    elsewhere = [f"{show.cell(row.get('quantity'))} from {row.get('location')}" for row in show.list_of(replaced)]
    sentence = f"short: {', '.join(elsewhere) or 'no other place has it'}; {show.named(answer, 'backordered')} wait"
    show.done(answer, sentence, json=as_json)


def _show(answer: JsonValue, *, as_json: bool) -> None:
    if as_json or not isinstance(answer, dict):
        show.as_json(answer)
        return
    title = " ".join(show.named(answer, name) for name in ("id", "location", "mode", "state", "picker"))
    show.out.print(f"[bold]{title}[/bold], cut-off {show.named(answer, 'cut_off_at')}")
    tasks: list[JsonValue] = [
        {**task, "scan": [row.get("code") for row in show.list_of(task.get("barcodes"))]}
        for task in show.list_of(answer.get("tasks"))
    ]
    show.rows(tasks, _TASKS, json=False)


def _scanned(answer: JsonValue, what: str, *, as_json: bool) -> None:
    left, bin_, sku = (show.named(answer, path) for path in ("remaining", "next.bin", "next.sku"))
    show.done(answer, f"{what}; {left} left, next {bin_} {sku}", json=as_json)

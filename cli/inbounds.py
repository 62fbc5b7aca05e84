"""Inbounds: deliveries that will come, and the dates they give to backorders."""

from typing import Annotated

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Json, Reason, group
from shared.auth import Role

inbounds = group("Deliveries that will come; `doorstep stock inbounds` lists them.")

Identity = Annotated[str, typer.Argument(help="The inbound's id.")]
Expected = Annotated[str, typer.Argument(help="When it is expected, ISO 8601 with a zone.")]


def _sku_and_units(text: str) -> dict[str, str | int]:
    sku, _, units = text.rpartition("=")
    if not sku or not units.isdigit():
        raise typer.BadParameter(f"{text}: write a SKU and its units as SKU=5")
    return {"sku": sku, "quantity": int(units)}


@inbounds.command("announce")
def announce(
    location: Annotated[str, typer.Argument(help="Where it will arrive.")],
    expected_at: Expected,
    lines: Annotated[list[str], typer.Argument(help="What comes, each as SKU=UNITS.")],
    reference: Annotated[str, typer.Option(help="The purchase order, or the return's number.")],
    kind: Annotated[str, typer.Option(help="purchase or return.")] = "purchase",
    as_json: Json = False,
) -> None:
    """Announce a delivery: those who wait for its goods get a date."""
    wanted = [_sku_and_units(line) for line in lines]
    place = {"location": location, "reference": reference, "kind": kind}
    body = {**place, "expected_at": expected_at, "lines": wanted}
    _told(client.post("inventory", "/staff/inbounds", Role.WAREHOUSE_LEAD, body), as_json=as_json)


@inbounds.command("show")
def show_inbound(identity: Identity, as_json: Json = False) -> None:
    """Show a delivery with what was expected and received of each line."""
    answer = client.get("inventory", f"/staff/inbounds/{identity}", Role.WAREHOUSE_LEAD)
    show.facts(answer, json=as_json, title=f"inbound {identity}")


@inbounds.command("arrive")
def arrive(identity: Identity, as_json: Json = False) -> None:
    """Note that a delivery stands at the dock; `doorstep stock receive --inbound` books its units."""
    _told(client.post("inventory", f"/staff/inbounds/{identity}/arrive", Role.WAREHOUSE_LEAD, {}), as_json=as_json)


@inbounds.command("close")
def close(identity: Identity, as_json: Json = False) -> None:
    """End a delivery: what is short of it will not come any more."""
    _told(client.post("inventory", f"/staff/inbounds/{identity}/close", Role.WAREHOUSE_LEAD, {}), as_json=as_json)


@inbounds.command("reschedule")
def reschedule(identity: Identity, expected_at: Expected, reason: Reason, as_json: Json = False) -> None:
    """Give a delivery another date; the dates of those who wait follow it."""
    body = {"expected_at": expected_at, "reason": reason}
    answer = client.post("inventory", f"/staff/inbounds/{identity}/reschedule", Role.WAREHOUSE_LEAD, body)
    _told(answer, as_json=as_json)


def _told(answer: JsonValue, *, as_json: bool) -> None:
    identity, state, when = (show.named(answer, name) for name in ("id", "state", "expected_at"))
    show.done(answer, f"inbound {identity} is {state}, expected {when}", json=as_json)

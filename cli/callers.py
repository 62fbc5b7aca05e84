"""What support does with a caller: prove whose order it is, see the person, change the order."""

from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Json, group, json_file
from cli.orders import Named
from shared.auth import Role
from shared.ids import new_id

callers = group("Whoever calls about an order: prove that it is theirs, see who they are, change it for them.")

_RELATED = (
    ("order", "number"),
    ("reference", "reference"),
    ("status", "status"),
    ("fulfilment", "fulfilment_status"),
    ("placed", "placed_at"),
    ("same", "matched"),
)


@callers.command("related")
def find_related(named: Named, as_json: Json = False) -> None:
    """Find other orders of the same person."""
    answer = client.get("orders", f"/staff/orders/{named}/related", Role.SUPPORT)
    show.rows(answer, _RELATED, json=as_json, empty="no other order")


@callers.command("verify")
def verify_caller(
    named: Named,
    number: Annotated[str | None, typer.Option(help="The order number as the caller says it.")] = None,
    postal_code: Annotated[str | None, typer.Option(help="The postcode it goes to.")] = None,
    email: Annotated[str | None, typer.Option(help="The e-mail it was placed with.")] = None,
    article: Annotated[str | None, typer.Option(help="Something that was ordered.")] = None,
    as_json: Json = False,
) -> None:
    """Compare what a caller says with the order: two right answers prove that it is theirs."""
    said = {"number": number, "postal_code": postal_code, "email": email, "article": article}
    body = {name: value for name, value in said.items() if value is not None}
    answer = client.post("orders", f"/staff/orders/{named}/verifications", Role.SUPPORT, body)
    until, missed = show.named(answer, "verified_until"), show.named(answer, "missed")
    is_verified = isinstance(answer, dict) and answer.get("verified")
    sentence = f"verified until {until}" if is_verified else f"not verified; wrong: {missed}"
    show.done(answer, sentence, json=as_json)


@callers.command("person")
def show_person(named: Named, as_json: Json = False) -> None:
    """Show who an order belongs to: masked until you have verified the caller; each look is kept."""
    answer = client.get("orders", f"/staff/orders/{named}/person", Role.SUPPORT)
    show.facts(answer, json=as_json, title=f"order {named}")


@callers.command("amend")
def amend_order(
    named: Named,
    file: Annotated[Path, typer.Argument(help="The change as JSON; - reads standard input.", allow_dash=True)],
    version: Annotated[int | None, typer.Option(help="Refuse when the order is no longer at this version.")] = None,
    as_json: Json = False,
) -> None:
    """Change address, contact, date or fewer units for a caller you have verified, before its pick starts."""
    headers = {"Idempotency-Key": str(new_id()), "If-Match": "*" if version is None else f'"{version}"'}
    body = json_file(file)
    answer = client.call("orders", f"PATCH /staff/orders/{named}", Role.SUPPORT, body=body, headers=headers)
    amended = cast("JsonValue", answer.json())
    number, by = show.named(amended, "number"), show.named(amended, "promise.deliver_by_latest")
    show.done(amended, f"order {number} is changed, promised by {by}", json=as_json)

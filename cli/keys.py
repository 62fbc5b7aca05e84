"""Keys of storefronts, and tokens of staff for bots and tests."""

from typing import Annotated

import typer

from cli import client, show, storefronts, target
from cli.options import Json, Reason, group
from shared.auth import TOKEN_MINUTES, Role

keys = group("API keys of storefronts, and tokens of staff for bots and tests.")

Code = Annotated[str, typer.Argument(help="The storefront's code.")]
Identity = Annotated[str, typer.Argument(help="The key's id.")]
_KEYS = (
    ("key", "id"),
    ("starts with", "prefix"),
    ("test", "test"),
    ("label", "label"),
    ("created", "created_at"),
    ("expires", "expires_at"),
    ("revoked", "revoked_at"),
)


@keys.command()
def token(
    role: Annotated[Role, typer.Option(help="What the bearer is.")],
    subject: Annotated[str | None, typer.Option(help="Who the bearer is; you, unless given.")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="How long it is valid.")] = TOKEN_MINUTES,
    as_json: Json = False,
) -> None:
    """Sign a token of staff; send it as Authorization: Bearer."""
    if role is Role.SERVICE:
        client.fail("services sign their own tokens: choose a role of staff")
    signed = client.found().token(role, subject, minutes)
    show.done(
        {"token": signed, "role": str(role), "subject": subject or target.actor(), "minutes": minutes},
        signed,
        json=as_json,
    )


@keys.command("storefronts")
def list_storefronts(as_json: Json = False) -> None:
    """List the storefronts."""
    columns = (("code", "code"), ("name", "name"), ("writes to customers", "notifications"), ("id", "id"))
    show.rows([*storefronts.listed()], columns, json=as_json, empty="no storefront")


@keys.command("add-storefront")
def add_storefront(
    code: Code,
    name: Annotated[str, typer.Argument(help="How people call it.")],
    notifications: Annotated[
        str, typer.Option(help="Who writes to its customers: doorstep or storefront.")
    ] = "doorstep",
    as_json: Json = False,
) -> None:
    """Make a storefront."""
    answer = storefronts.create(code, name, notifications)
    show.done(answer, f"storefront {code} is {show.named(answer, 'id')}", json=as_json)


@keys.command("list")
def list_keys(code: Code, as_json: Json = False) -> None:
    """List a storefront's keys, without their secrets."""
    answer = client.get("orders", f"/staff/storefronts/{storefronts.identity_of(code)}/keys", Role.OPERATOR)
    show.rows(answer, _KEYS, json=as_json, empty="no key")


@keys.command("create")
def create_key(
    code: Code,
    test: Annotated[bool, typer.Option("--test", help="A key for tests: its orders move by hand.")] = False,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires: Annotated[str | None, typer.Option(help="Until when, ISO 8601 with a zone.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key; it is shown this once."""
    body = {"test": test, "label": label, "expires_at": expires}
    answer = client.post("orders", f"/staff/storefronts/{storefronts.identity_of(code)}/keys", Role.OPERATOR, body)
    show.done(answer, show.named(answer, "key"), json=as_json)


@keys.command("rotate")
def rotate_key(
    identity: Identity,
    overlap: Annotated[int, typer.Option(min=0, max=720, help="Hours for which the old one stays valid.")] = 24,
    as_json: Json = False,
) -> None:
    """Make a key's successor; it is shown this once."""
    answer = client.post("orders", f"/staff/keys/{identity}/rotate", Role.OPERATOR, {"overlap_hours": overlap})
    show.done(answer, show.named(answer, "key"), json=as_json)


@keys.command("revoke")
def revoke_key(identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """End a key within a minute."""
    answer = client.post("orders", f"/staff/keys/{identity}/revoke", Role.OPERATOR, {"reason": reason})
    show.done(answer, f"key {show.named(answer, 'prefix')} is revoked", json=as_json)

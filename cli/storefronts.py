"""With which storefront's key the command line places and lists orders."""

import os
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from cli import client, show
from deploy.local.credentials import write_private
from shared.auth import Role

API_KEY = "DOORSTEP_API_KEY"
_OWN = "local"
_LABEL = "command line"

Storefront = Annotated[
    str | None,
    typer.Option(help=f"In the name of this storefront (its code); the only one unless given. {API_KEY} overrides."),
]


def listed() -> list[dict[str, JsonValue]]:
    """All storefronts."""
    return show.list_of(client.get("orders", "/staff/storefronts", Role.OPERATOR))


def identity_of(code: str) -> str:
    """The id of a storefront; ends the command when there is none of this code."""
    known = {str(row.get("code")): str(row.get("id")) for row in listed()}
    if code not in known:
        client.fail(f"there is no storefront {code!r}; there are: {', '.join(sorted(known)) or 'none'}")
    return known[code]


def key_of(code: str | None) -> str:
    """The API key to speak with: the environment's, else one made once for the storefront and kept in the home."""
    given = os.environ.get(API_KEY)
    if given:
        return given
    home = client.found().home
    if home is None:
        client.fail(f"say with which key: set {API_KEY}")
    chosen = code or _only_one()
    kept = home / "keys" / f"storefront-{chosen}.key"
    if not kept.exists():
        _make(chosen, kept)
    return kept.read_text(encoding="utf-8").strip()


def create(code: str, name: str, notifications: str) -> JsonValue:
    """Make a storefront."""
    body = {"code": code, "name": name, "notifications": notifications}
    return client.post("orders", "/staff/storefronts", Role.OPERATOR, body)


def _only_one() -> str:
    codes = sorted(str(row.get("code")) for row in listed())
    if not codes:
        create(_OWN, "this machine", "storefront")
        return _OWN
    if len(codes) > 1:
        client.fail(f"say which storefront: --storefront {' or '.join(codes)}")
    return codes[0]


def _make(code: str, kept: Path) -> None:
    path = f"/staff/storefronts/{identity_of(code)}/keys"
    answer = client.post("orders", path, Role.OPERATOR, {"label": _LABEL})
    write_private(kept, show.named(answer, "key") + "\n")

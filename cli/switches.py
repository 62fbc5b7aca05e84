"""Pause switches: stop one kind of outside work, for all or for one scope, and let it go on."""

from typing import Annotated

import typer

from cli import client, show
from cli.options import Json, Reason
from deploy.local import names
from shared.auth import Role

# Which service honours a switch; a test holds it against the services.
HONOURED_BY = {
    "intake": "orders",
    "release": "orders",
    "webhooks": "orders",
    "planning": "inventory",
    "booking": "shipping",
    "polling": "shipping",
    "messages": "care",
    "automatic_remedies": "care",
}
Kind = Annotated[str, typer.Argument(help=f"One of {', '.join(HONOURED_BY)}.")]
Scope = Annotated[str, typer.Option(help="A carrier, storefront or location; * is everywhere.")]


def pause(kind: Kind, reason: Reason, scope: Scope = "*", as_json: Json = False) -> None:
    """Pause the intake of orders or one kind of outside work; what is due waits, what is new is refused with 503."""
    body = {"kind": kind, "scope": scope, "reason": reason}
    answer = client.post(_service_of(kind), "/staff/pauses", Role.OPERATOR, body)
    show.done(answer, f"{kind} is paused for {scope}", json=as_json)


def resume(kind: Kind, reason: Reason, scope: Scope = "*", as_json: Json = False) -> None:
    """Let paused work go on."""
    body = {"kind": kind, "scope": scope, "reason": reason}
    answer = client.post(_service_of(kind), "/staff/pauses/resume", Role.OPERATOR, body)
    show.done(answer, f"{kind} goes on for {scope}", json=as_json)


def pauses(as_json: Json = False) -> None:
    """List the switches that are set, in all services."""
    rows = [
        {"service": service, **row}
        for service in names.SERVICES
        for row in show.list_of(client.get(service, "/staff/pauses", Role.OPERATOR))
    ]
    columns = (
        ("service", "service"),
        ("kind", "kind"),
        ("scope", "scope"),
        ("since", "at"),
        ("by", "actor"),
        ("reason", "reason"),
    )
    show.rows([*rows], columns, json=as_json, empty="nothing is paused")


def _service_of(kind: str) -> str:
    if kind not in HONOURED_BY:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(HONOURED_BY)}", param_hint="kind")
    return HONOURED_BY[kind]

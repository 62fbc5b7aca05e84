"""Keys of storefronts, and tokens of staff for bots and tests."""

from typing import Annotated

import typer

from cli import client, show, target
from cli.options import Json, group
from shared.auth import TOKEN_MINUTES, Role

keys = group("API keys of storefronts, and tokens of staff for bots and tests.")


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

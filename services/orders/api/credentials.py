"""Answers that hold a secret: the first one shows it, what is kept for a repeated request does not."""

from collections.abc import Awaitable, Callable

from fastapi import Response
from pydantic import BaseModel

from shared.auth import Principal
from shared.db import Transaction
from shared.doors import Call, send
from shared.idempotency import Reply

_CREATED = 201
_SECRETS = ("key", "secret")


async def shown_once(
    call: Call, who: Principal, body: BaseModel | None, act: Callable[[Transaction], Awaitable[BaseModel]]
) -> Response:
    """Run `act` once per key; its secret goes into the first answer only, never into the database."""
    shown: list[Reply] = []

    async def without_secret(tx: Transaction) -> Reply:
        fields = (await act(tx)).model_dump(mode="json")
        shown.append(Reply(_CREATED, fields, {}))
        return Reply(_CREATED, {name: None if name in _SECRETS else value for name, value in fields.items()}, {})

    stored = await call.once(who, body, without_secret)
    return send(shown[0]) if shown else stored

"""What the pages of care share: asking care, its refusals in plain words, who may be on a case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from pydantic import JsonValue

from services.console.api.guard import Visitor
from services.console.errors import RefusedError
from services.console.queries.staff import list_names
from services.console.rendering import say
from shared.auth import Role
from shared.db import Transaction

Key = Annotated[str, Form(max_length=100)]
Reason = Annotated[str, Form(min_length=3, max_length=500)]
_ROLES = (Role.CARE, Role.CARE_LEAD, Role.ADMIN)
_PLAIN: Mapping[str, str] = {
    "stale": "Somebody changed this case after you opened it, so nothing of yours was saved. "
    "Reload the page, see what is new, then do it again.",
    "over_authority": "This is over your limit: a lead decides.",
    "own_remedy": "You asked for this yourself: another person decides.",
    "illegal_move": "The case cannot go there from where it is now.",
}


@dataclass(frozen=True, slots=True)
class Colleagues:
    """Who works cases: names by login, and (actor, name) of whom a case may be given to."""

    names: dict[str, str]
    actors: list[tuple[str, str]]


async def colleagues(tx: Transaction) -> Colleagues:
    """Give who may work cases."""
    people = await list_names(tx, [role.value for role in _ROLES])
    actors = [
        (f"{role}:{login}", name if len(roles) == 1 else f"{name} ({role.replace('_', ' ')})")
        for login, name, roles in people
        for role in roles
        if role in _ROLES
    ]
    return Colleagues({login: name for login, name, _ in people}, actors)


def queue_address(address: str) -> str:
    """Give an address of the queue; any other becomes that of the whole queue."""
    return address if address.startswith("/care?") else "/care"


def plainly(code: str, detail: str) -> str:
    """Say a refusal of care in words for an agent."""
    return say(_PLAIN[code]) if code in _PLAIN else detail[:1].upper() + detail[1:]


async def ask(who: Visitor, path: str, body: object, key: str, version: int | None = None) -> JsonValue:
    """Let care act; raises RefusedError in plain words."""
    try:
        return await who.caller.act("care", path, body, key=key, version=version)
    except RefusedError as error:
        if error.code in _PLAIN:
            raise RefusedError(error.status, error.code, plainly(error.code, error.detail)) from error
        raise

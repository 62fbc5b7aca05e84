"""Who may sign in, for administrators: let people in, keep them out, give a link that sets a password."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from services.console.actions import accounts, staff
from services.console.actions.accounts import Actor, address_of_link
from services.console.api import guard
from services.console.api.guard import Admin, Visitor
from services.console.api.pages import done, page
from services.console.queries.staff import list_accounts
from services.console.rendering import say
from shared import clock
from shared.auth import STAFF_ROLES, Role
from shared.db import Database
from shared.errors import InvalidError

router = APIRouter(prefix="/people")

Text = Annotated[str, Form(max_length=200)]
Name = Annotated[str, Form(min_length=1, max_length=200)]
Login = Annotated[str, Form(min_length=2, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]+$")]


@router.get("")
async def show_people(request: Request, who: Admin) -> Response:
    """Show who may sign in."""
    return await _show(request, who)


@router.post("")
async def add_person(
    request: Request,
    who: Admin,
    login: Login,
    name: Name,
    roles: Annotated[list[Role] | None, Form()] = None,
    locations: Text = "",
) -> Response:
    """Let somebody in; they set a first password by the link that the page then shows, once."""
    wanted = [role for role in STAFF_ROLES if role in (roles or ())]
    if not wanted:
        raise InvalidError(say("Choose at least one role"))
    places = [code for code in locations.replace(",", " ").split() if code]
    database: Database = request.app.state.database
    async with database.transaction("add person") as tx:
        person = await staff.add_without_password(tx, login, name.strip(), wanted, places)
        token = await accounts.make_link(tx, person.id, _actor(request, who))
    return await _show(request, who, (login, address_of_link(token)))


@router.post("/{staff_id}/link")
async def make_link(request: Request, staff_id: UUID, who: Admin) -> Response:
    """Make a link that sets somebody's password; the page shows it, once."""
    database: Database = request.app.state.database
    async with database.transaction("password link") as tx:
        token = await accounts.make_link(tx, staff_id, _actor(request, who))
        login = (await accounts.whose_link(tx, token)).login
    return await _show(request, who, (login, address_of_link(token)))


@router.post("/{staff_id}/disable")
async def disable(request: Request, staff_id: UUID, who: Admin) -> Response:
    """Let somebody in no more."""
    database: Database = request.app.state.database
    async with database.transaction("disable person") as tx:
        login = await accounts.disable(tx, staff_id, _actor(request, who), who.person.id)
    return done(request, "/people", say("{login} is signed out and may not sign in any more.", login=login))


@router.post("/{staff_id}/enable")
async def enable(request: Request, staff_id: UUID, who: Admin) -> Response:
    """Let somebody in again."""
    database: Database = request.app.state.database
    async with database.transaction("enable person") as tx:
        login = await accounts.enable(tx, staff_id, _actor(request, who))
    return done(request, "/people", say("{login} may sign in again.", login=login))


def _actor(request: Request, who: Visitor) -> Actor:
    return Actor(who.actor, guard.address_of(request))


async def _show(request: Request, who: Visitor, made: tuple[str, str] | None = None) -> Response:
    database: Database = request.app.state.database
    async with database.transaction("people") as tx:
        people = await list_accounts(tx, clock.real())
    return page(request, "people.html", people=people, roles=STAFF_ROLES, made=made, me=who.person.id)

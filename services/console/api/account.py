"""One's own account, and the link that sets a password without one."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from services.console.actions import accounts
from services.console.actions.accounts import Here
from services.console.actions.passwords import LEAST_LETTERS
from services.console.api import guard
from services.console.api.guard import Anybody, Public
from services.console.api.pages import done, page, words_of
from services.console.errors import LinkUsedError
from services.console.queries.staff import get_staff_by_id
from services.console.rendering import say
from shared.db import Database
from shared.errors import DomainError, InvalidError

router = APIRouter()

Password = Annotated[str, Form(max_length=200)]


@router.get("/account")
async def show_account(request: Request, who: Anybody) -> Response:
    """Show who one is here, and how one gets in."""
    database: Database = request.app.state.database
    async with database.transaction("account") as tx:
        person = await get_staff_by_id(tx, who.person.id)
    has_password = person is not None and person.password_hash is not None
    return page(request, "account.html", has_password=has_password, least=LEAST_LETTERS)


@router.post("/account/password")
async def change_password(request: Request, who: Anybody, old: Password, new: Password, again: Password) -> Response:
    """Change one's own password; every other session of one's own ends."""
    _require_same(new, again)
    here = Here(who.token, guard.address_of(request))
    await accounts.change(request.app.state.database, who.person, old, new, here)
    return done(request, "/account", say("Your password is changed. Wherever else you were signed in, you are out."))


@router.get("/password/{token}", dependencies=[Public])
async def show_form(request: Request, token: str) -> Response:
    """Ask for a new password."""
    return await _form(request, token)


@router.post("/password/{token}", dependencies=[Public])
async def set_password(request: Request, token: str, new: Password, again: Password) -> Response:
    """Set the password; then one signs in with it."""
    try:
        _require_same(new, again)
        login = await accounts.set_by_link(request.app.state.database, token, new, guard.address_of(request))
    except LinkUsedError:
        return await _form(request, token)
    except InvalidError as error:
        return await _form(request, token, error)
    response = done(request, "/sign-in", say("Your password is set. Sign in as {login}.", login=login))
    guard.drop_cookie(response, guard.session_cookie())
    return response


async def _form(request: Request, token: str, refused: InvalidError | None = None) -> Response:
    database: Database = request.app.state.database
    error: DomainError | None = refused
    login = name = ""
    try:
        async with database.transaction("password link") as tx:
            person = await accounts.whose_link(tx, token)
            login, name = person.login, person.name
    except LinkUsedError as used:
        error, token = used, ""
    return page(
        request,
        "password.html",
        status=error.status if error is not None else 200,
        problem=words_of(error) if error is not None else "",
        token=token,
        login=login,
        name=name,
        least=LEAST_LETTERS,
    )


def _require_same(new: str, again: str) -> None:
    if new != again:
        raise InvalidError(say("new password: both must be the same"))

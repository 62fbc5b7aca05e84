"""Who may open which page: every route of the console for every role, from the routes themselves."""

import re

import pytest

from services.console.api import router
from shared.auth import SCOPES, Role, Scope
from shared.openapi import scopes_of
from tests.console.conftest import Visit
from tests.house_rules.test_routes import Entry, routes, undeclared

pytestmark = pytest.mark.security(2)

ROUTES = list(routes(router))
STAFF = [role for role in Role if role not in {Role.SERVICE, Role.CUSTOMER}]
_NOBODY = "00000000-0000-7000-8000-000000000000"


def _addressed(route: Entry) -> tuple[str, str]:
    """Give (method, path) with ids that nothing has."""
    (method,) = route.methods - {"HEAD"}
    return method, re.sub(r"\{\w+\}", _NOBODY, route.path)


def _is_open_to(route: Entry, role: Role) -> bool:
    return bool(scopes_of(route.dependant) & (SCOPES[role] | {Scope.PUBLIC}))


def test_every_page_declares_who_may_open_it() -> None:
    assert len(ROUTES) > 5
    assert undeclared(ROUTES) == []


@pytest.mark.parametrize("role", STAFF)
async def test_each_role_opens_its_pages_and_no_other(visit: Visit, role: Role) -> None:
    visitor = await visit(role)
    # The last one, since it ends the session.
    for route in sorted(ROUTES, key=lambda route: route.path == "/sign-out"):
        method, path = _addressed(route)
        answer = await (visitor.get(path) if method == "GET" else visitor.post(path))
        assert (answer.status_code == 403) == (not _is_open_to(route, role)), (method, path, answer.status_code)
        assert answer.status_code < 500, (method, path)


async def test_who_is_not_signed_in_opens_nothing_but_the_door(visit: Visit) -> None:
    visitor = await visit("")
    await visitor.get("/sign-in")
    for route in ROUTES:
        if Scope.PUBLIC in scopes_of(route.dependant):
            continue
        method, path = _addressed(route)
        answer = await (visitor.get(path) if method == "GET" else visitor.post(path))
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in"), (method, path)


@pytest.mark.parametrize("role", STAFF)
async def test_the_navigation_shows_only_what_opens(visit: Visit, role: Role) -> None:
    visitor = await visit(role)
    first = (await visitor.get("/")).text
    for path in re.findall(r'<a href="(/[^"]*)"', first):
        assert (await visitor.get(path)).status_code == 200, path

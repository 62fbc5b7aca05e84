"""The console's pages and forms, filled in by whoever may with what nobody thought of: none is a fault of ours."""

import re
from types import ModuleType
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from deploy.local import names
from deploy.local.stack import LocalStack
from services.console import api
from shared.auth import SCOPES, Role, Scope
from shared.openapi import scopes_of
from tests.fuzz.budget import HANGS_AFTER_SECONDS, examples
from tests.house_rules.test_routes import routes

pytestmark = pytest.mark.security(6)

STAFF = (Role.ADMIN, Role.OPERATOR, Role.CARE_LEAD, Role.WAREHOUSE_LEAD, Role.SUPPORT, Role.PICKER)
ENDS_THE_SESSION = "/sign-out"
_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
_FAULT, _UNAVAILABLE = 500, 503
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Operation]


class Browser:
    """Somebody of one role, signed in."""

    def __init__(self, stack: LocalStack, role: Role) -> None:
        self.url = stack.urls[names.CONSOLE]
        self._role, self._password = role, stack.site.credentials.console_passwords[role]
        self._signed_in: tuple[dict[str, str], str] = ({}, "")

    def sign_in(self) -> None:
        """Begin a session."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=HANGS_AFTER_SECONDS) as client:
            fields = {"csrf": _token(client.get("/sign-in")), "login": self._role, "password": self._password}
            assert client.post("/sign-in", data=fields).is_redirect
            self._signed_in = dict(client.cookies), _token(client.get("/"))

    def send(self, case: Case) -> None:
        """Send a form or open a page; a fault, or an answer that never comes, raises."""
        cookies, token = self._signed_in
        answer = case.call(
            base_url=self.url, headers={"x-csrf-token": token}, cookies=cookies, timeout=HANGS_AFTER_SECONDS
        )
        told = f"{case.method} {case.path}: {answer.status_code} {answer.text[:300]}\n{case.as_curl_command()}"
        assert answer.status_code < _FAULT or answer.status_code == _UNAVAILABLE, told


def _token(page: httpx.Response) -> str:
    found = _TOKEN.search(page.text)
    assert found is not None, page.text[:300]
    return found[1]


@pytest.mark.timeout(1200)
def test_no_page_and_no_form_is_a_fault_of_ours_whatever_is_filled_in(stack: LocalStack) -> None:
    described = FastAPI()
    for part in vars(api).values():  # the console itself describes no page
        if isinstance(part, ModuleType) and isinstance(getattr(part, "router", None), APIRouter):
            described.include_router(part.router)
    scopes = {route.path: scopes_of(route.dependant) for route in routes(api.router)}
    browsers = {role: Browser(stack, role) for role in STAFF}
    tried, faults = 0, []

    document: Any = schemathesis.openapi.from_dict(described.openapi())
    for result in document.get_all_operations():
        operation = result.ok()
        if operation.path == ENDS_THE_SESSION:
            continue
        may = {*scopes[operation.path]}
        role = next((role for role in STAFF if may & (SCOPES[role] | {Scope.PUBLIC})), Role.ADMIN)
        browsers[role].sign_in()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                tried += _try(browsers[role], operation, mode)
            except AssertionError as fault:
                faults.append(str(fault))

    assert faults == [], "\n\n".join(faults)
    assert tried > 80


def _try(browser: Browser, operation: Operation, mode: GenerationMode) -> int:
    @given(case=operation.as_strategy(generation_mode=mode))
    @examples(3)
    def sends(case: Case) -> None:
        browser.send(case)

    try:
        sends()
    except Unsatisfiable:  # a page that takes nothing takes nothing wrong
        return 0
    return 1

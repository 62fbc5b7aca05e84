"""Requests written from our own documents, right and wrong ones, alone and in chains: none is a fault of ours."""

from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import given
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from deploy.local.stack import LocalStack
from shared.auth import Role, mint_token
from shared.ids import new_id
from tests.clients import Clients
from tests.fuzz.budget import HANGS_AFTER_SECONDS, examples

SERVICES = ("orders", "inventory", "shipping", "care")
_SERVER_ERROR, _UNAVAILABLE = 500, 503
_REFUSED = 400
_ORDER = str(uuid4())
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Operation]


@pytest_asyncio.fixture(scope="session")
async def storefront_key(clients: Clients) -> str:
    """The key of a storefront whose orders are tests."""
    staff, code = clients.of("orders", role="admin"), f"fuzz-{uuid4().hex[:8]}"
    made = await staff.post("/staff/storefronts", json={"code": code, "name": code}, headers=_fresh())
    key = await staff.post(f"/staff/storefronts/{made.json()['id']}/keys", json={"test": True}, headers=_fresh())
    return str(key.json()["key"])


def _fresh() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


class Sender:
    """Sends what was written, as somebody who may, and judges the answer."""

    def __init__(self, stack: LocalStack, service: str, storefront_key: str) -> None:
        self._stack = stack
        self._service = service
        self._storefront_key = storefront_key
        self.url = stack.urls[service]

    def prepare(self, case: Case) -> None:
        """Let the call in: what is tried here lies behind the door."""
        headers = case.headers
        headers["Authorization"] = f"Bearer {self._credential(case.operation.path)}"
        if "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = str(new_id())

    def _credential(self, path: str) -> str:
        if path.startswith("/v1"):
            return self._storefront_key
        if path.startswith("/internal"):
            key = self._stack.site.credentials.service_keys[self._service].private_setting
            return mint_token(key, subject="fuzz", role=Role.SERVICE)
        role = Role.CUSTOMER if path.startswith("/customer") else Role.ADMIN
        return mint_token(self._stack.staff_key, subject=_ORDER, role=role)

    def send(self, case: Case) -> None:
        """Send and judge; a request that hangs raises."""
        self.prepare(case)
        self.judge(case, case.call(base_url=self.url, timeout=HANGS_AFTER_SECONDS))

    def judge(self, case: Case, answer: schemathesis.Response) -> None:
        """Assert that an answer is one of ours: never a fault, and a refusal is problem+json."""
        told = f"{case.method} {case.path}: {answer.status_code} {answer.text[:500]}\n{case.as_curl_command()}"
        retry = answer.status_code == _UNAVAILABLE and "retry-after" in answer.headers
        assert answer.status_code < _SERVER_ERROR or retry, told
        if answer.status_code >= _REFUSED:
            assert "application/problem+json" in str(answer.headers.get("content-type")), told


def _document(service: str, sender: Sender) -> Any:  # noqa: ANN401 - the library's own
    return schemathesis.openapi.from_url(f"{sender.url}/openapi.json", timeout=HANGS_AFTER_SECONDS)


@pytest.mark.security(6)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("service", SERVICES)
def test_no_request_to_any_operation_is_a_fault_of_ours(service: str, stack: LocalStack, storefront_key: str) -> None:
    sender = Sender(stack, service, storefront_key)
    tried, faults = 0, []

    for result in _document(service, sender).get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                tried += _try(sender, result.ok(), mode)
            except AssertionError as fault:
                faults.append(str(fault))

    assert faults == [], "\n\n".join(faults)
    assert tried > 50


def _try(sender: Sender, operation: Operation, mode: GenerationMode) -> int:
    @given(case=operation.as_strategy(generation_mode=mode))
    @examples(3)
    def sends(case: Case) -> None:
        sender.send(case)

    try:
        sends()
    except Unsatisfiable:  # an operation that takes nothing takes nothing wrong
        return 0
    return 1


@pytest.mark.security(6)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("service", SERVICES)
def test_no_chain_of_requests_is_a_fault_of_ours(service: str, stack: LocalStack, storefront_key: str) -> None:
    sender = Sender(stack, service, storefront_key)

    class Chain(_document(service, sender).as_state_machine()):  # type: ignore[misc]  # made at run time
        def before_call(self, case: Case) -> None:
            sender.prepare(case)

        def get_call_kwargs(self, _case: Case) -> dict[str, object]:
            return {"base_url": sender.url, "timeout": HANGS_AFTER_SECONDS}

        def validate_response(self, response: schemathesis.Response, case: Case, **_: object) -> None:
            sender.judge(case, response)

    Chain.run(settings=examples(4, steps=10))

"""Requests written from our own documents, right and wrong ones, alone and in chains: none is a fault of ours."""

import json
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from deploy.local.stack import LocalStack
from services.shipping.carriers.easypost_messages import SIGNATURE_HEADER, signature_of
from shared.auth import Role, mint_token
from shared.ids import new_id
from tests.clients import Clients
from tests.fuzz.budget import HANGS_AFTER_SECONDS, examples
from tests.fuzz.writing import JSON, ORDER, PHOTOS, Json, as_bytes, changed, recorded

SERVICES = ("orders", "inventory", "shipping", "care")
_SERVER_ERROR, _UNAVAILABLE = 500, 503
_REFUSED = 400
_LONGEST_ADDRESS = 60 * 1024
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


# What is read as it comes is written in the forms that its reader knows.
EVENT = {"id": "evt_1", "object": "Event", "description": "tracker.updated", "result": recorded("tracker_create")}
LINES = st.lists(changed(ORDER).map(as_bytes) | JSON.map(as_bytes) | st.binary(max_size=50), max_size=4)
schemathesis.openapi.media_type("application/x-ndjson", LINES.map(b"\n".join))
for _kind in ("jpeg", "png", "webp"):
    schemathesis.openapi.media_type(f"image/{_kind}", PHOTOS)
# Where a body is read as it comes, and the answer to one that could be read.
UNDERSTOOD = {
    "orders": {("/v1/orders/bulk", 200)},
    "shipping": {("/carriers/easypost/webhooks", 204)},
    "care": {("/customer/evidence", 404)},
}

RAW = {path for doors in UNDERSTOOD.values() for path, _ in doors}


def before_generate_body(context: schemathesis.HookContext, strategy: st.SearchStrategy[Json]) -> Json:
    """Let the carrier's messages be such as its reader knows, too."""
    if context.operation is None or not context.operation.path.startswith("/carriers"):
        return strategy
    return strategy | changed(EVENT) | st.just(EVENT)


schemathesis.hook(before_generate_body)


def _fresh() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


class Sender:
    """Sends what was written, as somebody who may, and judges the answer."""

    def __init__(self, stack: LocalStack, service: str, storefront_key: str) -> None:
        self._stack = stack
        self._service = service
        self._storefront_key = storefront_key
        self.url = stack.urls[service]
        self.answered: set[tuple[str, int]] = set()

    def prepare(self, case: Case) -> None:
        """Let the call in: what is tried here lies behind the door."""
        headers = case.headers
        headers["Authorization"] = f"Bearer {self._credential(case.operation.path)}"
        if "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = str(new_id())
        if case.operation.path.startswith("/carriers"):
            case.body = json.dumps(case.body, default=str).encode()
            secret = self._stack.site.credentials.carrier_webhook_secret
            headers[SIGNATURE_HEADER] = signature_of(case.body, secret)

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
        self.answered.add((case.operation.path, answer.status_code))
        told = f"{case.method} {case.path}: {answer.status_code} {answer.text[:500]}\n{case.as_curl_command()}"
        retry = answer.status_code == _UNAVAILABLE and "retry-after" in answer.headers
        assert answer.status_code < _SERVER_ERROR or retry, told
        # What is longer than the server's own limit never comes to us.
        is_ours = len(str(answer.request.url)) < _LONGEST_ADDRESS
        if answer.status_code >= _REFUSED and is_ours:
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
    assert UNDERSTOOD.get(service, set()) <= sender.answered


def _try(sender: Sender, operation: Operation, mode: GenerationMode) -> int:
    @given(case=operation.as_strategy(generation_mode=mode))
    @examples(3 if operation.path not in RAW else 30)
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

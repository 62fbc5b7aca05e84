"""Requests written from our own documents, sent as somebody who may, and their answers judged."""

import json
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies as st

from deploy.local.stack import LocalStack
from services.shipping.carriers.easypost_messages import SIGNATURE_HEADER, signature_of
from shared.auth import Role, Scope, mint_token
from shared.ids import new_id
from tests.fuzz.budget import HANGS_AFTER_SECONDS
from tests.fuzz.writing import JSON, ORDER, PHOTOS, Json, as_bytes, changed, recorded

SERVICES = ("orders", "inventory", "shipping", "care")
REFUSED = 400
_SERVER_ERROR, _UNAVAILABLE = 500, 503
_NOT_LET_IN = {"unauthenticated", "forbidden"}
_LONGEST_ADDRESS = 60 * 1024
_ORDER = str(uuid4())
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Operation]

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


class Sender:
    """Sends what was written, as somebody who may, and judges the answer."""

    def __init__(self, stack: LocalStack, service: str, storefront_key: str, order: str = _ORDER) -> None:
        self._stack = stack
        self._service = service
        self._storefront_key = storefront_key
        self._order = order
        self.url = stack.urls[service]
        self.answered: set[tuple[str, int]] = set()

    def prepare(self, case: Case) -> None:
        """Make it a call of its own, and signed where its sender signs."""
        headers = case.headers
        if "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = str(new_id())
        if case.operation.path.startswith("/carriers"):
            case.body = json.dumps(case.body, default=str).encode()
            secret = self._stack.site.credentials.carrier_webhook_secret
            headers[SIGNATURE_HEADER] = signature_of(case.body, secret)

    def _credential(self, operation: Operation) -> str:
        scopes = {Scope(one) for one in operation.definition.raw["x-scopes"]}
        if Scope.STOREFRONT in scopes:
            return self._storefront_key
        if Scope.INTERNAL in scopes:
            key = self._stack.site.credentials.service_keys[self._service].private_setting
            return mint_token(key, subject="fuzz", role=Role.SERVICE)
        role = Role.CUSTOMER if Scope.CUSTOMER in scopes else Role.ADMIN
        return mint_token(self._stack.staff_key, subject=self._order, role=role)

    def how(self, case: Case) -> dict[str, Any]:
        """Say how to call, let in: what is tried here lies behind the door, and a missing key is tried elsewhere."""

        def let_in(request: Json) -> Json:
            request.headers["Authorization"] = f"Bearer {self._credential(case.operation)}"
            return request

        return {"base_url": self.url, "timeout": HANGS_AFTER_SECONDS, "auth": let_in}

    def send(self, case: Case) -> schemathesis.Response:
        """Send and judge; a request that hangs raises."""
        self.prepare(case)
        answer = case.call(**self.how(case))
        self.judge(case, answer)
        return answer

    def judge(self, case: Case, answer: schemathesis.Response) -> None:
        """Assert that an answer is one of ours: never a fault, and a refusal is problem+json."""
        self.answered.add((case.operation.path, answer.status_code))
        told = f"{case.method} {case.path}: {answer.status_code} {answer.text[:500]}\n{case.as_curl_command()}"
        retry = answer.status_code == _UNAVAILABLE and "retry-after" in answer.headers
        assert answer.status_code < _SERVER_ERROR or retry, told
        # What is longer than the server's own limit never comes to us.
        is_ours = len(str(answer.request.url)) < _LONGEST_ADDRESS
        if answer.status_code >= REFUSED and is_ours:
            assert "application/problem+json" in str(answer.headers.get("content-type")), told
            assert answer.json()["code"] not in _NOT_LET_IN, told


def document(sender: Sender) -> Any:  # noqa: ANN401 - the library's own
    """Read what a service says of itself."""
    return schemathesis.openapi.from_url(f"{sender.url}/openapi.json", timeout=HANGS_AFTER_SECONDS)

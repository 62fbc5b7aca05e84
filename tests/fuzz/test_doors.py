"""Requests written from our own documents, right and wrong ones: none is a fault of ours."""

from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.clients import Clients
from tests.fuzz.budget import examples
from tests.fuzz.sender import RAW, SERVICES, UNDERSTOOD, Case, Operation, Sender, document


@pytest_asyncio.fixture(scope="session")
async def storefront_key(clients: Clients) -> str:
    """The key of a storefront whose orders are tests."""
    staff, code = clients.of("orders", role="admin"), f"fuzz-{uuid4().hex[:8]}"
    made = await staff.post("/staff/storefronts", json={"code": code, "name": code}, headers=_fresh())
    key = await staff.post(f"/staff/storefronts/{made.json()['id']}/keys", json={"test": True}, headers=_fresh())
    return str(key.json()["key"])


def _fresh() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


@pytest.mark.security(6)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("service", SERVICES)
def test_no_request_to_any_operation_is_a_fault_of_ours(service: str, stack: LocalStack, storefront_key: str) -> None:
    sender = Sender(stack, service, storefront_key)
    tried, faults = 0, []

    for result in document(sender).get_all_operations():
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

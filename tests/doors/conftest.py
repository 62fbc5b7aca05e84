"""Who calls the running services in these tests."""

from uuid import uuid4

import pytest_asyncio

from tests.clients import Clients
from tests.doors.caller import Caller, fresh


@pytest_asyncio.fixture(scope="session")
async def storefront_key(clients: Clients) -> str:
    """The key of a storefront of these tests."""
    staff = clients.of("orders", role="admin")
    code = f"doors-{uuid4().hex[:8]}"
    made = await staff.post("/staff/storefronts", json={"code": code, "name": code}, headers=fresh())
    key = await staff.post(f"/staff/storefronts/{made.json()['id']}/keys", json={"test": False}, headers=fresh())
    return str(key.json()["key"])


@pytest_asyncio.fixture
async def caller(clients: Clients, storefront_key: str) -> Caller:
    """Somebody who may do everything."""
    return Caller(clients, storefront_key)

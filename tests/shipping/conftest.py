"""One open shipping service per module, with a carrier that can be told to misbehave."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from tests.shipping.rig import ShippingRig, running_shipping


@pytest_asyncio.fixture(scope="module")
async def shipping(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ShippingRig]:
    """Shipping that hears of its parcels by webhook."""
    async with running_shipping(stack, tmp_path_factory.mktemp("carrier")) as rig:
        yield rig


@pytest_asyncio.fixture(scope="module")
async def polling_shipping(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ShippingRig]:
    """Shipping that the carrier cannot reach, and that asks after an hour of silence."""
    home = tmp_path_factory.mktemp("carrier")
    async with running_shipping(stack, home, webhooks=False, silent_hours=1) as rig:
        yield rig

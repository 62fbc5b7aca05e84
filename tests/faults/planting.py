"""Damages a service's tables as only their owner can, for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.stack import LocalStack
from shared import db


@asynccontextmanager
async def changed(stack: LocalStack, service: str, done: str, undone: str) -> AsyncIterator[None]:
    """Change one row of a service for as long as the block lasts."""
    owner = await db.connect(stack.dsn(service, "owner"), application="fault tests")
    try:
        assert await owner.execute(done) in {"UPDATE 1", "INSERT 0 1"}, done
        try:
            yield
        finally:
            await owner.execute(undone)
    finally:
        await owner.close()

"""PostgreSQL's disk is full, and has room again."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local import postgres
from deploy.local.credentials import load_or_create
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from tests.faults.crowd import Crowd
from tests.faults.test_crashes_under_load import AWAY, CREATED
from tests.stepped import stepped_suite
from tests.waiting import wait_until

DISK_BYTES = 768 * 1024 * 1024
FULL_SECONDS = 5.0
_CHUNK = bytes(1024 * 1024)


@contextmanager
def small_disk(home: Path) -> Iterator[None]:
    """Put the data directory of a stack that will be started here on a small disk of its own."""
    directory, first = home / "postgres", home / "postgres-first"
    postgres.initialise(directory, load_or_create(home).admin_password)
    directory.rename(first)
    directory.mkdir()
    done = subprocess.run(  # noqa: S603 - our own argv
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(directory)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        shutil.rmtree(home)
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    owner = first.stat()
    subprocess.run(["/bin/cp", "-a", f"{first}/.", str(directory)], check=True)  # noqa: S603 - our own argv
    os.chown(directory, owner.st_uid, owner.st_gid)
    directory.chmod(0o700)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", str(directory)], check=True)  # noqa: S603 - our own argv


@pytest_asyncio.fixture(scope="module")
async def stepped_stack() -> AsyncIterator[LocalStack]:
    """All services, over a PostgreSQL with little room."""
    async with stepped_suite("full", throwaway=False, beneath=small_disk) as stack:
        yield stack


@pytest.mark.timeout(600)
async def test_while_the_disk_is_full_orders_are_refused_with_503_and_none_is_lost(
    stepped_stack: LocalStack, crowd: Crowd
) -> None:
    """F22: what cannot be written is not acknowledged, and everything goes on when there is room."""
    async with watched(stepped_stack), crowd.posting(customers=8):
        await crowd.see_acknowledged(10)
        filler = await asyncio.to_thread(_fill, stepped_stack.site.data / "filler")

        async def are_refused() -> bool:
            return sum((tried.status, tried.kind) == AWAY for tried in crowd.tries) >= 20

        try:
            await wait_until(are_refused, what="posts are refused")
            await asyncio.sleep(FULL_SECONDS)  # the duration is the fault
        finally:
            crowd.outcome.healed()
            filler.unlink()
        await crowd.see_acknowledged(20)
    async with watched(stepped_stack):
        await crowd.verify()
    assert crowd.answers() == {CREATED, AWAY}


def _fill(filler: Path) -> Path:
    """Write a file until there is no room; give it."""
    with filler.open("wb", buffering=0) as file:
        for chunk in (_CHUNK, bytes(4096), b"\0"):
            try:
                while file.write(chunk):
                    pass
            except OSError:
                continue
    return filler

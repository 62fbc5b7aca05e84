"""A member of a consumer group when its partitions are taken away, and when it leaves."""

import asyncio

import pytest

from shared.ids import new_id
from shared.kafka import GroupConsumer
from tests.shared.conftest import Plumbing, completed, message
from tests.shared.traffic import send
from tests.waiting import wait_until


async def _nothing() -> None:
    pass


async def _joined(plumbing: Plumbing) -> GroupConsumer:
    name = f"doorstep.m-{new_id()}"
    member = GroupConsumer(
        plumbing.settings, group=name, topics=["doorstep.orders"], instance=name, on_revoked=_nothing
    )
    await member.start()
    return member


async def test_a_member_whose_leaving_ends_as_if_it_were_cancelled_has_left_all_the_same(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stop()` passes on the cancellation of its own fetching where the broker refuses connections."""
    member = await _joined(plumbing)

    stop = member._consumer.stop  # noqa: SLF001

    async def is_cancelled() -> None:
        await stop()
        raise asyncio.CancelledError

    monkeypatch.setattr(member._consumer, "stop", is_cancelled)  # noqa: SLF001
    await member.close()
    assert member._consumer._coordinator._coordination_task.done()  # noqa: SLF001


async def test_between_two_assignments_a_member_gives_nothing_of_what_it_had(plumbing: Plumbing) -> None:
    """Aiokafka names the partitions of the last assignment until the next."""
    member = await _joined(plumbing)
    await send(plumbing, *(message(completed(), 1) for _ in range(30)))
    assert await wait_until(lambda: member.poll(max_records=1, timeout_seconds=0.1), what="records arrive")
    await member._when_revoked()  # noqa: SLF001
    assert await member.poll(max_records=1, timeout_seconds=0.1) == []
    assert member._consumer.assignment()  # noqa: SLF001
    await member.close()

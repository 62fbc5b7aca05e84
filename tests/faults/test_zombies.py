"""Workers that were given up for dead come back, members come and go, and an event loop stands still."""

import asyncio
import signal
from pathlib import Path

import pytest

from deploy.local.stack import LocalStack
from shared import clock, db
from tests.faults.crowd import Crowd
from tests.faults.lengths import Lengths
from tests.faults.look import applied, dropped, rows, see_held, see_ready, see_stalled
from tests.faults.twin import twin_of
from tests.waiting import wait_until

SESSION_SECONDS = 6.0  # what the stacks set, see deploy/local/commands.py
STORM_PAUSE_SECONDS = 3.0
STORM_MEMBERS = 2  # each takes some seconds to start, to join and to leave
STORM_JOIN_SECONDS = 12.0  # one joins at least this often
STALL_SECONDS = 15
_KNOWN = "select order_id from order_demand"
_RELAYS = "select pid from pg_stat_activity where application_name = 'orders relay' order by backend_start limit 1"


@pytest.mark.broker
async def test_a_consumer_frozen_until_another_has_taken_over_applies_nothing_again(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path
) -> None:
    """F4: it wakes with a batch in its hands that its successor has applied."""
    held = tmp_path / "held"
    await stepped_stack.restart("inventory-worker", {"DOORSTEP_FAILPOINT": f"consumer.polled:1:hold={held}"})
    async with twin_of(stepped_stack, "inventory") as twin:
        await crowd.shop.driver.rest()  # each holds its share of the partitions
        before = await dropped(stepped_stack, "inventory")
        async with crowd.posting():
            await see_held(held)
            stepped_stack.kill("inventory-worker", signal.SIGSTOP)
            theirs = await applied(twin)
            await crowd.go_on_for(2 * SESSION_SECONDS)
            await _see_known_to_inventory(stepped_stack, crowd)
            assert await applied(twin) > theirs
            held.unlink()
            crowd.outcome.healed()
            stepped_stack.kill("inventory-worker", signal.SIGCONT)

            async def has_dropped() -> bool:
                return await dropped(stepped_stack, "inventory") > before

            await wait_until(has_dropped, what="it drops what it had in its hands")
            await crowd.see_acknowledged(10)
        await crowd.verify()
    await stepped_stack.restart("inventory-worker")


@pytest.mark.broker
async def test_a_relay_frozen_and_cut_from_its_database_sends_nothing_out_of_order_when_it_wakes(
    stepped_stack: LocalStack, crowd: Crowd
) -> None:
    """F5: its shards belong to another by then."""
    (own,) = await rows(stepped_stack, "orders", _RELAYS)
    async with twin_of(stepped_stack, "orders"):
        async with crowd.posting():
            await crowd.see_acknowledged(10)
            stepped_stack.kill("orders-worker", signal.SIGSTOP)
            assert await terminate(stepped_stack, "orders", own["pid"])
            before = len(await rows(stepped_stack, "orders", "select 1 from event_log"))
            await crowd.see_acknowledged(10)

            async def others_relay() -> bool:
                return len(await rows(stepped_stack, "orders", "select 1 from event_log")) >= before + 10

            await wait_until(others_relay, what="another relay sends")
            crowd.outcome.healed()
            stepped_stack.kill("orders-worker", signal.SIGCONT)
            await crowd.see_acknowledged(10)
        await crowd.verify()


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_members_that_join_and_leave_every_few_seconds_stop_nothing(
    stepped_stack: LocalStack, crowd: Crowd, lengths: Lengths
) -> None:
    """F11: each joining and each leaving deals all partitions anew."""
    ends = clock.monotonic() + lengths.storm_seconds
    joined = 0

    async def come_and_go() -> None:
        nonlocal joined
        while clock.monotonic() < ends:
            async with twin_of(stepped_stack, "inventory"):  # entered when it holds partitions
                joined += 1
                await asyncio.sleep(STORM_PAUSE_SECONDS)  # the pace is the fault

    async with crowd.posting(), asyncio.TaskGroup() as storm:
        for _ in range(STORM_MEMBERS):
            storm.create_task(come_and_go())
    crowd.outcome.injected += f" ({joined} joined)"
    assert joined >= lengths.storm_seconds / STORM_JOIN_SECONDS
    await crowd.verify()


@pytest.mark.broker
@pytest.mark.parametrize("process", ["inventory-worker", "orders-worker"])
async def test_an_event_loop_that_stands_still_longer_than_its_session_loses_nothing(
    stepped_stack: LocalStack, crowd: Crowd, process: str
) -> None:
    """F18: a call that blocks for 15 s, in the middle of a wave that is applied but not committed to the broker."""
    failpoint = {"DOORSTEP_FAILPOINT": f"consumer.applied:2:stall={STALL_SECONDS}"}
    await stepped_stack.restart(process, failpoint)
    async with crowd.posting():
        await see_stalled(stepped_stack, process)
        began = clock.monotonic()
        await see_ready(stepped_stack, process)
        crowd.outcome.healed()
        assert clock.monotonic() - began > SESSION_SECONDS
        await crowd.see_acknowledged(10)
    await crowd.verify()
    await stepped_stack.restart(process)


async def _see_known_to_inventory(stack: LocalStack, crowd: Crowd) -> None:
    """Wait until whoever works for inventory has applied every order acknowledged until now."""
    wanted = {order for _, order in crowd.history()}

    async def are_known() -> bool:
        return wanted <= {str(row["order_id"]) for row in await rows(stack, "inventory", _KNOWN)}

    await wait_until(are_known, what="a successor takes over")


async def terminate(stack: LocalStack, service: str, pid: int) -> bool:
    """Let PostgreSQL end one of its backends."""
    connection = await db.connect(stack.dsn(service, "admin"), application="fault tests")
    try:
        return bool(await connection.fetchval("select pg_terminate_backend($1)", pid))
    finally:
        await connection.close()

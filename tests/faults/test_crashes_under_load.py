"""Relay, consumer, API, broker and PostgreSQL die or freeze while customers post orders."""

import asyncio
import random
import signal

import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from shared import clock
from tests.faults.crowd import NO_ANSWER, Crowd
from tests.faults.lengths import Lengths
from tests.faults.look import dropped, see_dead, see_stalled
from tests.waiting import wait_until

CREATED = (201, "application/json")
AWAY = (503, "application/problem+json")
BY_FAILPOINT = 137
STOP_SECONDS = 20.0
STALL_SECONDS = 4


@pytest.mark.broker
@pytest.mark.parametrize("hit", [1, 3])
async def test_a_relay_that_dies_before_it_notes_what_was_sent_sends_it_again_and_it_is_applied_once(
    stepped_stack: LocalStack, crowd: Crowd, hit: int
) -> None:
    """F1: the broker has the events, the outbox has them still."""
    before = await dropped(stepped_stack, "inventory")
    await stepped_stack.restart("orders-worker", {"DOORSTEP_FAILPOINT": f"relay.acknowledged:{hit}"})
    async with crowd.posting():
        assert await see_dead(stepped_stack, "orders-worker") == BY_FAILPOINT
        await crowd.see_acknowledged(10)
        crowd.outcome.healed()
        await stepped_stack.restart("orders-worker")
        await crowd.see_acknowledged(10)
    await crowd.verify()
    assert crowd.answers() == {CREATED}
    assert await dropped(stepped_stack, "inventory") > before


@pytest.mark.broker
@pytest.mark.parametrize("failpoint", ["consumer.wave:1", "consumer.wave:4", "consumer.applied:2"])
async def test_a_consumer_that_dies_before_it_commits_its_offsets_reads_again_and_applies_once(
    stepped_stack: LocalStack, crowd: Crowd, failpoint: str
) -> None:
    """F2: the database has the effects, the broker does not know that they were read."""
    await stepped_stack.restart("inventory-worker", {"DOORSTEP_FAILPOINT": failpoint})
    async with crowd.posting():
        assert await see_dead(stepped_stack, "inventory-worker") == BY_FAILPOINT
        crowd.outcome.healed()
        await stepped_stack.restart("inventory-worker")
        await crowd.see_acknowledged(10)
    await crowd.verify()
    assert await dropped(stepped_stack, "inventory") > 0


@pytest.mark.broker
async def test_consumers_killed_at_any_moment_apply_everything_once(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random
) -> None:
    """F2: not only where we thought of it."""
    async with crowd.posting():
        for name in ("inventory-worker", "orders-worker", "care-worker"):
            await crowd.see_acknowledged(5)
            await asyncio.sleep(dice.uniform(0, 0.5))  # the moment is the fault
            stepped_stack.kill(name)
            await see_dead(stepped_stack, name)
            crowd.outcome.healed()
            await stepped_stack.restart(name)
    await crowd.verify()


@pytest.mark.broker
@pytest.mark.parametrize("failpoint", ["api.before_commit:3", "api.committed:3"])
async def test_an_order_posted_again_after_the_api_died_inside_the_first_post_exists_once(
    stepped_stack: LocalStack, crowd: Crowd, failpoint: str
) -> None:
    """F3: just before the commit nothing is there yet, just after it the answer is lost."""
    await stepped_stack.restart("orders-api", {"DOORSTEP_FAILPOINT": failpoint})
    async with crowd.posting(customers=8):
        assert await see_dead(stepped_stack, "orders-api") == BY_FAILPOINT
        crowd.outcome.healed()
        await stepped_stack.restart("orders-api")
        await crowd.see_acknowledged(10)
    await crowd.verify()
    assert NO_ANSWER in {status for status, _ in crowd.answers()}


@pytest.mark.broker
async def test_orders_posted_while_the_api_is_killed_again_and_again_exist_once(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random
) -> None:
    """F3: the supervisor brings it back, the customers come back by themselves."""
    async with watched(stepped_stack):
        async with crowd.posting(customers=8):
            for _ in range(3):
                await crowd.see_acknowledged(8)
                await asyncio.sleep(dice.uniform(0, 0.3))  # the moment is the fault
                stepped_stack.kill("orders-api")
                crowd.outcome.healed()  # whoever watches brings it back
            await crowd.see_acknowledged(8)
        await crowd.verify()
    assert NO_ANSWER in {status for status, _ in crowd.answers()}


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_orders_are_taken_while_the_broker_is_dead_and_travel_on_when_it_is_back(
    stepped_stack: LocalStack, crowd: Crowd, lengths: Lengths
) -> None:
    """F6: the embedded broker forgets everything, and the supervisor makes up for it; Kafka forgets nothing."""
    async with crowd.posting():
        await crowd.see_acknowledged(10)
        stepped_stack.kill(names.BROKER)
        await see_dead(stepped_stack, names.BROKER)
        await crowd.go_on_for(lengths.broker_seconds)
    crowd.outcome.healed()
    async with watched(stepped_stack):
        async with crowd.posting():
            await crowd.see_acknowledged(10)
        await crowd.verify()
    assert crowd.answers() == {CREATED}


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_orders_are_taken_while_the_broker_is_frozen_and_travel_on_when_it_thaws(
    stepped_stack: LocalStack, crowd: Crowd, lengths: Lengths
) -> None:
    """F6: nobody refuses the connections, nobody answers."""
    async with crowd.posting():
        await crowd.see_acknowledged(10)
        stepped_stack.kill(names.BROKER, signal.SIGSTOP)
        await crowd.go_on_for(lengths.broker_seconds)
        crowd.outcome.healed()
        stepped_stack.kill(names.BROKER, signal.SIGCONT)
    await crowd.verify()
    assert crowd.answers() == {CREATED}


@pytest.mark.broker
@pytest.mark.parametrize("name", ["inventory-worker", "orders-worker", "orders-api"])
async def test_a_process_told_to_stop_in_mid_work_finishes_and_leaves_within_20_seconds(
    stepped_stack: LocalStack, crowd: Crowd, name: str
) -> None:
    """F19: what it had begun is done, what it had not is left to its successor."""
    async with crowd.posting(customers=8):
        await crowd.see_acknowledged(10)
        began = clock.monotonic()
        stepped_stack.kill(name, signal.SIGTERM)
        assert await see_dead(stepped_stack, name) == 0
        assert clock.monotonic() - began < STOP_SECONDS
        crowd.outcome.healed()
        await stepped_stack.restart(name)
        await crowd.see_acknowledged(10)
    await crowd.verify()


@pytest.mark.broker
@pytest.mark.parametrize(
    "failpoint", [f"consumer.wave:2:stall={STALL_SECONDS}", f"consumer.applied:2:stall={STALL_SECONDS}"]
)
@pytest.mark.parametrize("name", ["inventory-worker", "orders-worker"])
async def test_a_worker_told_to_stop_in_mid_batch_finishes_it_and_leaves_within_20_seconds(
    stepped_stack: LocalStack, crowd: Crowd, name: str, failpoint: str
) -> None:
    """F19: the signal comes while the batch is at hand; what is committed to the broker was applied."""
    await stepped_stack.restart(name, {"DOORSTEP_FAILPOINT": failpoint})
    async with crowd.posting(customers=8):
        await see_stalled(stepped_stack, name)
        began = clock.monotonic()
        stepped_stack.kill(name, signal.SIGTERM)
        assert await see_dead(stepped_stack, name) == 0
        assert clock.monotonic() - began < STOP_SECONDS
        crowd.outcome.healed()
        await stepped_stack.restart(name)
        await crowd.see_acknowledged(10)
    await crowd.verify()


@pytest.mark.broker
@pytest.mark.parametrize("crash", [signal.SIGKILL, signal.SIGQUIT])
async def test_without_postgresql_posts_are_refused_with_503_and_with_it_nothing_is_lost_or_doubled(
    stepped_stack: LocalStack, crowd: Crowd, crash: signal.Signals
) -> None:
    """F7: SIGQUIT is the server's own immediate stop."""
    async with crowd.posting():
        await crowd.see_acknowledged(10)
        stepped_stack.kill(names.POSTGRES, crash)
        await see_dead(stepped_stack, names.POSTGRES)

        async def are_refused() -> bool:
            return sum((tried.status, tried.kind) == AWAY for tried in crowd.tries) >= 8

        await wait_until(are_refused, what="posts are refused")
        crowd.outcome.healed()
        await stepped_stack.restart(names.POSTGRES)
        await crowd.see_acknowledged(10)
    await crowd.verify()
    assert crowd.answers() == {CREATED, AWAY}

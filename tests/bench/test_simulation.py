"""The simulation: what is known of queues without simulating holds in it."""

from dataclasses import replace

import pytest

from bench import scaling
from bench.simulation import ONE_MACHINE, Pool, Scenario, Simulation, Step

_STEP = Step("worker", process_ms=1.0, database_ms=1.0)
_ONE = Scenario(100, [_STEP], [], {"worker": Pool(1, 1, 25, "orders")}, database_cores=4, seconds=4)


def test_what_comes_in_becomes_ready_where_there_is_room() -> None:
    outcome = Simulation(_ONE).run()

    assert outcome.ready_per_second == pytest.approx(100, rel=0.2)
    assert outcome.waiting < 20
    assert outcome.used["worker"] < 1


def test_a_worker_that_waits_for_its_database_is_full_before_a_core_is() -> None:
    outcome = Simulation(replace(_ONE, per_second=2000)).run()

    assert outcome.ready_per_second < 510, "a millisecond in the process and one in the database for each"
    assert outcome.used["worker"] > 0.45, "it rests as long as it worked"
    assert outcome.p50_ms > 1000


def test_more_workers_share_the_work_until_their_database_is_full() -> None:
    pools = {"worker": Pool(40, 1, 25, "orders")}
    outcome = Simulation(replace(_ONE, per_second=9000, pools=pools)).run()

    assert outcome.ready_per_second == pytest.approx(4000, rel=0.1), "four cores, a millisecond an order"
    assert outcome.fullest[0] == "database of orders"


def test_a_sku_that_is_in_every_batch_lets_one_batch_through_at_a_time() -> None:
    pools = {"worker": Pool(40, 1, 25, "orders")}
    hot = replace(_ONE, per_second=3500, pools=pools, path=[replace(_STEP, locks_stock=True)], hot_rows=1)
    one, eight = Simulation(hot).run(), Simulation(replace(hot, hot_rows=8)).run()

    assert one.ready_per_second < 1050
    assert one.fullest[0] == "the hot SKU's rows"
    assert eight.ready_per_second > 3 * one.ready_per_second


def test_what_shares_two_cores_gets_no_more_than_two_cores() -> None:
    pools = {"worker": Pool(8, 1, 25, "orders")}
    outcome = Simulation(replace(_ONE, per_second=5000, pools=pools, cores=2)).run()

    assert outcome.ready_per_second < 1050
    assert outcome.used == {ONE_MACHINE: pytest.approx(1.0, abs=0.05)}


def test_an_order_is_ready_only_after_every_step_and_who_reads_along_holds_nobody_up() -> None:
    pools = {"worker": Pool(1, 1, 25, "orders"), "slow": Pool(1, 1, 25, "care")}
    way = [_STEP, _STEP]
    two = Simulation(replace(_ONE, path=way, pools=pools, beside=[Step("slow", 100, 0)])).run()

    assert two.p50_ms > Simulation(_ONE).run().p50_ms
    assert two.ready_per_second == pytest.approx(100, rel=0.2)
    assert two.waiting > 100, "what nobody waits for has fallen behind"


def test_the_same_seed_gives_the_same_run() -> None:
    assert Simulation(_ONE, seed=7).run() == Simulation(_ONE, seed=7).run()


def test_the_steps_of_an_order_cost_what_was_measured() -> None:
    costs = {"orders-api": 1.0, "orders-worker": 1.0, "inventory-worker": 1.0, "postgres": 2.0}
    way, beside = scaling.path_of({**costs, "care-worker": 1.0, "shipping-worker": 0.5})
    every = [*way, *beside]

    assert sum(step.process_ms for step in every) == pytest.approx(0.6 * 4.5)
    assert sum(step.database_ms for step in every) == pytest.approx(0.6 * 2.0)

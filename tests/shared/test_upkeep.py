"""A worker empties its database's old days and says what waits and what is dead."""

from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from shared import clock, inbox, upkeep
from shared.db import Database
from shared.ids import new_id
from shared.kafka import Record
from shared.settings import MAX_RETENTION_DAYS, ServiceSettings
from shared.tables import RING_SLOTS
from tests.shared.conftest import Plumbing, completed, message


async def _enter(database: Database, at: datetime) -> None:
    """Enter one applied and one published event on the day of `at`."""
    slot = inbox.ring_slot(at)
    async with database.transaction() as tx:
        await tx.execute("insert into inbox (slot, consumer, event_id) values ($1, 'upkeep', $2)", slot, new_id())
        await tx.execute(
            "insert into event_log (slot, event_id, shard, topic, key, epoch, sequence, type, headers, payload, "
            "occurred_at, recorded_at, published_at) "
            "values ($1, $2, 0, 't', $3, 1, 1, 'upkeep', '{}', '{}', $4, $4, $4)",
            slot,
            new_id(),
            str(new_id()),
            at,
        )


async def _days(database: Database) -> list[tuple[int, int]]:
    """Count what of this test is left in each slot: (published, applied)."""
    async with database.transaction() as tx:
        rows = await tx.fetch(
            "select (select count(*) from event_log e where e.slot = s.slot and e.type = 'upkeep') as published, "
            "(select count(*) from inbox i where i.slot = s.slot and i.consumer = 'upkeep') as applied "
            "from generate_series(0, $1::int) s(slot) order by s.slot",
            RING_SLOTS - 1,
        )
    return [(row["published"], row["applied"]) for row in rows]


@pytest.mark.parametrize("kept", [1, 7, MAX_RETENTION_DAYS])
async def test_days_beyond_the_retention_are_emptied_and_no_other(plumbing: Plumbing, kept: int) -> None:
    now = clock.real()
    for days in range(RING_SLOTS - 1):
        await _enter(plumbing.consuming, now - timedelta(days=days))

    await upkeep.clean(plumbing.consuming, kept)

    left = await _days(plumbing.consuming)
    held = [left[inbox.ring_slot(now - timedelta(days=days))] for days in range(RING_SLOTS - 1)]
    assert all(published and applied for published, applied in held[: kept + 1])
    assert set(held[kept + 1 :]) == {(0, 0)}


def test_a_retention_that_would_never_empty_a_day_is_refused() -> None:
    given = {"database_url": "postgresql://x", "port": 1, "ops_port": 2, "secret": "s"}
    assert ServiceSettings.model_validate({**given, "retention_days": MAX_RETENTION_DAYS}).retention_days == 29
    with pytest.raises(ValidationError, match="less than or equal to 29"):
        ServiceSettings.model_validate({**given, "retention_days": 30})


@pytest.mark.parametrize(("retention_days", "kept"), [(1, {"recent"}), (20, {"recent", "old"})])
async def test_idempotency_keys_outlive_seven_days_and_the_retention(
    plumbing: Plumbing, retention_days: int, kept: set[str]
) -> None:
    async with plumbing.consuming.transaction() as tx:
        await tx.execute("delete from idempotency where scope = 'upkeep'")
        for key, days in (("recent", 6), ("old", 8), ("ancient", 25)):
            await tx.execute(
                "insert into idempotency (scope, key, fingerprint, created_at) values ('upkeep', $1, '{}', $2)",
                key,
                clock.real() - timedelta(days=days),
            )

    await upkeep.clean(plumbing.consuming, retention_days)

    async with plumbing.consuming.transaction() as tx:
        rows = await tx.fetch("select key from idempotency where scope = 'upkeep'")
    assert {row["key"] for row in rows} == kept


async def test_a_dead_event_and_an_open_dead_letter_are_measured(plumbing: Plumbing) -> None:
    def measured() -> float:
        return REGISTRY.get_sample_value("doorstep_dead_events", {"service": "upkeep"}) or 0

    await upkeep.measure(plumbing.consuming, "upkeep")
    before = measured()
    sent = message(completed(), 1)
    record = Record(sent.topic, 0, 0, sent.key, sent.value, sent.headers)
    async with plumbing.consuming.transaction() as tx:
        await inbox.park(tx, "upkeep", inbox.read_envelope(record), "broken", state="dead")
        await inbox.bury(tx, "upkeep", record, "unreadable", "no event")

    await upkeep.measure(plumbing.consuming, "upkeep")
    assert measured() == before + 2

    async with plumbing.consuming.transaction() as tx:
        await tx.execute("delete from parked where consumer = 'upkeep'")
        await tx.execute("update dead_letter set state = 'discarded' where consumer = 'upkeep'")
    await upkeep.measure(plumbing.consuming, "upkeep")
    assert measured() == before

"""Each kind of data has its time: what is older goes, what is younger stays, and the page says the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from uuid import UUID

import asyncpg
import pytest

from shared import clock, retention
from shared.db import Database
from shared.ids import new_id
from shared.retention import Kept
from shared.settings import DoorSettings, ServiceSettings
from shared.tables import LEAST_LOG_DAYS
from tests.privacy.page import kept_by, settings_of

pytestmark = pytest.mark.security(11)

DAY = timedelta(days=1)
_ALONE = "select set_config('session_replication_role', 'replica', true)"
"""Rows of these samples belong to nothing: for this transaction no key is looked after."""


@dataclass(frozen=True)
class Sample:
    """How a row of a kind is made, aged $2 days, with $1 as its id; and what shows that it is still whole."""

    service: str
    what: str
    insert: str
    whole: str


SAMPLES = (
    Sample(
        "orders", "looks at personal data",
        "insert into person_view select $1, $1, 'a', true, now() - $2::interval",
        "select exists (select from person_view where id = $1)",
    ),
    Sample(
        "orders", "verifications of callers",
        "insert into caller_verification select $1, $1, 'a', '{}', true, "
        "now() - $2::interval",
        "select exists (select from caller_verification where id = $1)",
    ),
    Sample(
        "care", "looks at photos",
        "insert into evidence_view select $1, $1, $1, 'a', now() - $2::interval",
        "select exists (select from evidence_view where id = $1)",
    ),
    Sample(
        "console", "sign-ins",
        "insert into sign_in values ($1, now() - $2::interval, 'ann', '192.0.2.7', 'tried', null)",
        "select exists (select from sign_in where id = $1)",
    ),
    Sample(
        "shipping", "words and places of scans",
        "insert into tracking_event (id, tracking_number, content, source, occurred_at, recorded_at, raw_status, "
        "raw_detail, message, city, region, postal_code, country_code) values ($1::uuid, 'T', gen_random_uuid()::text, "
        "'poll', now(), now() - $2::interval, 'delivered', '', 'left with a neighbour', 'Durach', '', '87493', 'DE')",
        "select message || city || postal_code <> '' from tracking_event where id = $1",
    ),
    Sample(
        "care", "words of contacts",
        "insert into contact values ($1, $1, 'phone', 'inbound', 'late', 'has a dog', 'HD-1', 'ann', "
        "now() - $2::interval)",
        "select note || ticket <> '' from contact where id = $1",
    ),
    Sample(
        "care", "photos",
        "insert into evidence values ($1, $1, null, 1, 1, 'x', now() - $2::interval)",
        "select exists (select from evidence where id = $1)",
    ),
    Sample(
        "care", "words of reports",
        "insert into watch_report values ($1, $1, 'damage', null, 'customer', 'in pieces', now() - $2::interval)",
        "select comment <> '' from watch_report where id = $1",
    ),
)  # fmt: skip


def _kept(sample: Sample) -> Kept:
    return next(one for one in kept_by(sample.service) if one.what == sample.what)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.service} {sample.what}")
async def test_what_is_older_than_its_time_goes_and_what_is_younger_stays(
    databases: Mapping[str, str], sample: Sample
) -> None:
    kept, settings = _kept(sample), _defaults(sample.service)
    days = int(getattr(settings, kept.setting))
    old, young = new_id(), new_id()
    database = Database(databases[sample.service], pool_size=2)
    try:
        async with database.transaction() as tx:
            await tx.value(_ALONE)
            await tx.execute(sample.insert, old, (days + 1) * DAY)
            await tx.execute(sample.insert, young, (days - 1) * DAY)

        assert (await retention.drop_old(database, settings, [kept]))[sample.what] == 1
        assert (await retention.drop_old(database, settings, [kept]))[sample.what] == 0

        async with database.transaction() as tx:
            assert [await tx.value(sample.whole, one) for one in (old, young)] == [False, True]
    finally:
        await database.close()


def _defaults(service: str) -> DoorSettings:
    """Give a service's settings as they are when nobody changes them, whatever else they need."""
    fields = settings_of(service).model_fields
    needed = {name: "x" for name, field in fields.items() if field.is_required()}
    return settings_of(service).model_construct(
        **{**needed, **{n: f.default for n, f in fields.items() if n not in needed}}
    )


@pytest.mark.parametrize("table", ["person_view", "caller_verification", "evidence_view", "sign_in"])
async def test_a_log_of_who_looked_or_signed_in_is_not_shortened_before_its_time(
    databases: Mapping[str, str], table: str
) -> None:
    sample = next(one for one in SAMPLES if f"into {table} " in one.insert)
    connection = await asyncpg.connect(databases[sample.service])
    try:
        identity: UUID = new_id()
        async with connection.transaction():
            await connection.execute(_ALONE)
            await connection.execute(sample.insert, identity, (LEAST_LOG_DAYS - 1) * DAY)
        for change in (f"delete from {table} where id = $1", f"update {table} set at = now() where id = $1"):
            with pytest.raises(asyncpg.RaiseError, match="never changed"):
                await connection.execute(change, identity)
    finally:
        await connection.close()


async def test_closed_dead_letters_go_and_open_ones_stay(databases: Mapping[str, str]) -> None:
    database = Database(databases["inventory"], pool_size=2)
    insert = (
        'insert into dead_letter (consumer, topic, partition, "offset", reason, error, headers, recorded_at, '
        "fingerprint, state) values ('i', 't', 0, $1, 'r', 'e', '{}', now() - $2::interval, 'f', $3)"
    )
    days = ServiceSettings.model_fields["dead_letter_days"].default
    try:
        async with database.transaction() as tx:
            for offset, (age, state) in enumerate([(1, "discarded"), (1, "open"), (-1, "discarded")]):
                await tx.execute(insert, offset, (days + age) * DAY, state)

        await retention.drop_old(database, _defaults("inventory"), retention.PLUMBING)

        async with database.transaction() as tx:
            left = await tx.fetch('select "offset" from dead_letter order by 1')
        assert [row["offset"] for row in left] == [1, 2]
    finally:
        await database.close()


@pytest.mark.parametrize("service", ["orders", "shipping", "care", "console"])
async def test_every_row_of_the_table_can_be_carried_out(databases: Mapping[str, str], service: str) -> None:
    database = Database(databases[service], pool_size=2)
    try:
        for kept in kept_by(service):
            assert kept.setting in settings_of(service).model_fields
            async with database.transaction() as tx:
                assert await tx.execute(kept.statement, clock.real() - 10_000 * DAY) >= 0
    finally:
        await database.close()


def test_each_service_that_holds_words_of_customers_says_how_long() -> None:
    for service in ("orders", "shipping", "care"):
        held = {table.name for table in import_module(f"services.{service}.queries.personal").TABLES if table.personal}
        told = {kept.table for kept in kept_by(service)} | _WITH_THEIR_ORDER
        assert held - told == set(), f"say in services/{service}/jobs.py how long this is kept"


_WITH_THEIR_ORDER = {"order_line", "hold", "cancellation", "refund", "look_up", "label", "care_case"}
"""What an order's own time ends: the erasure of its customer reaches them."""

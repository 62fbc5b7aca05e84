"""What operators do by command, against the running stack."""

import asyncio

import asyncpg
import jwt
import pytest

from cli import show, switches
from cli.target import STAFF_KEY
from deploy.local import names
from deploy.local.stack import LocalStack
from services.care.app import service as care
from services.inventory.app import service as inventory
from services.orders.app import service as orders
from services.shipping.app import service as shipping
from shared.ids import new_id
from tests.cli.conftest import Run, run


def test_the_topics_are_listed_with_how_far_each_service_is_behind(doorstep: Run) -> None:
    ran = doorstep("topics", "list", "--json")

    assert ran.status == 0, ran.err
    assert isinstance(ran.json, list)
    topics = {row["topic"]: row for row in ran.json if isinstance(row, dict)}
    assert set(topics) == set(names.TOPICS)
    assert {row["partitions"] for row in topics.values()} == {12}


@pytest.mark.parametrize("kind", switches.HONOURED_BY)
def test_a_pause_is_set_listed_with_its_reason_and_lifted(doorstep: Run, kind: str) -> None:
    scope = _scope_of(kind)

    assert doorstep("pause", kind, "--scope", scope, "--reason", "a strike").status == 0
    shown = doorstep("pauses").out
    assert doorstep("resume", kind, "--scope", scope, "--reason", "it is over").status == 0

    assert scope in shown
    assert "a strike" in shown
    assert "tess" in shown
    assert scope not in doorstep("pauses").out


def _scope_of(kind: str) -> str:
    """Give a scope the switch knows, and that no other test's work falls under."""
    if kind == "polling":
        return "easypost"
    if kind in {"messages", "automatic_remedies"}:
        return str(new_id())
    return "*"


@pytest.mark.parametrize("kind", switches.HONOURED_BY)
def test_a_scope_nobody_honours_is_refused(doorstep: Run, kind: str) -> None:
    ran = doorstep("pause", kind, "--scope", f"cli-{new_id().hex}", "--reason", "a strike")

    assert ran.status == 1
    assert "/scope" in ran.err


def test_the_table_of_switches_is_what_the_services_honour() -> None:
    honoured = {
        switch.kind: service.name for service in (orders, inventory, shipping, care) for switch in service.pause_kinds
    }

    assert honoured == switches.HONOURED_BY


def test_what_is_parked_and_dead_can_be_listed(doorstep: Run) -> None:
    assert doorstep("parked", "list").status == 0
    assert set(doorstep("dead-letters", "list", "--json").fields) == {"unreadable", "dead"}


def test_of_what_died_of_one_reason_all_are_tried_again(doorstep: Run, stack: LocalStack) -> None:
    cause, consumer = f"KeyError: {new_id()}", f"nobody-{new_id()}"
    asyncio.run(execute(stack.dsn("care"), _TWO_DEAD, consumer, cause))
    try:
        dead = doorstep("parked", "list", "--state", "dead", "--limit", "500").out
        ran = doorstep("parked", "replay-alike", "care", cause, "--reason", "it was mended")
        left = doorstep("parked", "list", "--state", "dead", "--limit", "500").out
    finally:
        asyncio.run(execute(stack.dsn("care"), "delete from parked where consumer = $1", consumer))

    assert dead.count(cause) == 2
    assert (ran.status, ran.out.strip()) == (0, "2 will be tried again"), ran.err
    assert cause not in left


_TWO_DEAD = """
insert into parked (consumer, source, key, epoch, sequence, event_id, topic, partition, headers, payload, state, reason,
  parked_at)
select $1, 'orders', gen_random_uuid()::text, 1, 1, gen_random_uuid(), 'doorstep.orders', 0, '{}', '{}', 'dead', $2,
  now() from generate_series(1, 2)
"""


def test_a_dead_letter_behind_hundreds_of_others_is_shown_by_its_number(doorstep: Run, stack: LocalStack) -> None:
    topic = f"doorstep.test-{new_id().hex}"
    newest = asyncio.run(bury(stack.dsn("orders"), topic, 501))
    try:
        shown = doorstep("dead-letters", "show", "orders", str(newest), "--json")
        unknown = doorstep("dead-letters", "show", "orders", str(new_id()))
    finally:
        asyncio.run(execute(stack.dsn("orders"), "delete from dead_letter where topic = $1", topic))

    assert shown.status == 0, shown.err
    assert (shown.fields["topic"], shown.fields["error"]) == (topic, "no value")
    assert unknown.status == 1
    assert "there is no dead letter" in unknown.err


async def bury(dsn: str, topic: str, count: int) -> int:
    """Enter unreadable records; give the number of the newest."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "insert into dead_letter "
        '(consumer, topic, partition, "offset", reason, error, headers, recorded_at, fingerprint) '
        "select 'orders', $1, 0, n, 'unreadable', 'no value', '{}', now(), n::text from generate_series(1, $2) n",
        topic,
        count,
    )
    newest: int = await connection.fetchval("select max(id) from dead_letter where topic = $1", topic)
    await connection.close()
    return newest


def test_what_is_overdue_is_listed_in_all_services(doorstep: Run, stack: LocalStack) -> None:
    subject = str(new_id())
    late = (
        "insert into overdue (kind, subject, state, due_at, told_at) "
        "values ('refund', $1, 'requested', now() - interval '9 days', now())"
    )
    asyncio.run(execute(stack.dsn("orders"), late, subject))

    ran = doorstep("overdue", "--kind", "refund", "--json")

    assert ran.status == 0, ran.err
    found = [one for one in show.list_of(ran.json) if one["subject"] == subject]
    assert [(one["service"], one["kind"], one["state"]) for one in found] == [("orders", "refund", "requested")]


async def execute(dsn: str, sql: str, *values: object) -> None:
    """Change one service's database."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql, *values)
    await connection.close()


def test_an_unknown_event_cannot_be_discarded_and_the_refusal_says_so(doorstep: Run) -> None:
    unknown = str(new_id())

    ran = doorstep("parked", "discard", "orders", unknown, "--reason", "a try")

    assert ran.status == 1
    assert f"no parked event has the id {unknown}" in ran.err


def test_a_bad_field_is_named_with_its_reason(doorstep: Run) -> None:
    ran = doorstep("parked", "discard", "orders", str(new_id()), "--reason", "a")

    assert ran.status == 1
    assert "/reason" in ran.err
    assert "at least 3 characters" in ran.err


def test_a_bad_field_is_named_in_json_too(doorstep: Run) -> None:
    ran = doorstep("parked", "discard", "orders", str(new_id()), "--reason", "a", "--json")

    assert ran.status == 1
    assert ran.fields["code"] == "invalid"


def test_nothing_is_published_again_since_the_future(doorstep: Run) -> None:
    ran = doorstep("replay", "--since", "2199-01-01T00:00:00", "--reason", "a try", "--json")

    assert ran.json == [{"service": service, "count": 0} for service in names.SERVICES]


def test_a_token_of_the_stack_opens_a_route(doorstep: Run) -> None:
    token = str(doorstep("keys", "token", "--role", "operator", "--json").fields["token"])

    assert jwt.get_unverified_header(token)["kid"].startswith("staff")


def test_databases_that_are_up_to_date_stay_so(doorstep: Run) -> None:
    assert doorstep("migrate", "--json").fields == {"migrated": [*names.DATABASES]}


def test_the_check_runs_where_only_the_environment_says_which_suite_is_meant(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STAFF_KEY, stack.staff_key)
    for service in names.SERVICES:
        monkeypatch.setenv(names.readonly_database_url(service), stack.dsn(service, "readonly"))

    ran = run("check", "--json")

    assert ran.status == (0 if ran.fields["clean"] else 1), ran.err
    assert "orders" in str(ran.fields["checked"])


def test_a_check_that_a_database_ends_says_so_and_judges_nothing(
    doorstep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.check.databases.LIMITS", {"statement_timeout": "1ms"})

    ran = doorstep("check")

    assert ran.status == 3
    assert "took too long" in ran.err


_TWO_CASES = """
with w as (
  insert into watch (order_id, number, storefront_id, placed_at, service_level, country, zone, value_amount, currency,
    notifications, promise_revision, ship_by, deliver_by, first_deliver_by)
  values (gen_random_uuid(), $1, gen_random_uuid(), now(), 'standard', 'DE', '10', 100, 'EUR', 'doorstep', 1, now(),
    now(), now()) returning order_id
)
insert into care_case (id, number, order_id, family, kind, level, state, state_since, priority, opened_at, value_amount,
  currency, next_action, next_action_by, assignee, resolution)
select gen_random_uuid(), $1 || state, order_id, 'delivery', 'lost', 'confirmed', state, now(), 'P3', now(), 100, 'EUR',
  '', '', $1, 'reason' from w, unnest(array['resolved', 'closed']) as state
"""


def test_cases_are_listed_by_their_state_and_counted_by_view(doorstep: Run, stack: LocalStack) -> None:
    person = f"care:{new_id().hex}"
    asyncio.run(execute(stack.dsn("care"), _TWO_CASES, person))
    mine = f"assignee={person}"

    listed = doorstep("cases", "list", "--assignee", person, "--state", "closed", "--json")
    counted = doorstep("cases", "counts", mine, f"{mine}&state=closed", f"{mine}&location=NOWHERE", "--json")

    assert [case["state"] for case in show.list_of(listed.fields["data"])] == ["closed"]
    assert [row["cases"] for row in show.list_of(counted.json)] == [2, 1, 0]

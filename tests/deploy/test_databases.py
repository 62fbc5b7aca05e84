"""The databases of a stack: who may do what in them, and how long."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from deploy.local import databases, names
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack
from shared.tables import LEAST_LOG_DAYS
from tests.waiting import wait_until

_ANOTHER_REFUSAL = """
create or replace function refuse_change() returns trigger language plpgsql as $$ begin return new; end $$
"""
_RIGHTS = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
_INSERT_ONLY = [
    *((service, "audit") for service in names.SERVICES),
    ("orders", "caller_verification"),
    ("orders", "person_view"),
    ("inventory", "ledger"),
    ("care", "case_entry"),
    ("care", "evidence_view"),
    (names.CONSOLE, "sign_in"),
]
_DROPPED_BY_AGE = {
    ("orders", "caller_verification"),
    ("orders", "person_view"),
    ("care", "evidence_view"),
    (names.CONSOLE, "sign_in"),
}
# What a column of each type may hold; "tried" is how a sign-in may have ended, and as good as any word elsewhere.
_VALUES = {
    "uuid": "gen_random_uuid()", "text": "'tried'", "ARRAY": "'{}'", "boolean": "false", "integer": "1",
    "timestamp with time zone": "now() - make_interval(days => $1)",
}  # fmt: skip
_NEEDED = """
select column_name, data_type from information_schema.columns
where table_name = $1 and is_nullable = 'NO' and column_default is null and is_identity = 'NO'
"""
_LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "30s",
}
_READONLY_LIMITS = {
    "statement_timeout": "1min",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "1min",
    "transaction_timeout": "5min",
}

pytestmark = pytest.mark.security(10)


@pytest.mark.parametrize("service", names.DATABASES)
async def test_a_service_may_change_rows_but_not_tables_of_its_owner(stack: LocalStack, service: str) -> None:
    owner = await asyncpg.connect(stack.dsn(service, "owner"))
    used = await asyncpg.connect(stack.dsn(service))
    try:
        await owner.execute("CREATE TABLE privileges_probe (id bigserial PRIMARY KEY, word text)")
        await used.execute("INSERT INTO privileges_probe (word) VALUES ('one')")
        await used.execute("UPDATE privileges_probe SET word = 'two'")
        assert await used.fetchval("SELECT word FROM privileges_probe") == "two"
        await used.execute("TRUNCATE privileges_probe")
        for statement in ("ALTER TABLE privileges_probe ADD more int", "CREATE TABLE another (id int)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await used.execute(statement)
    finally:
        await owner.execute("DROP TABLE IF EXISTS privileges_probe")
        await owner.close()
        await used.close()


@pytest.mark.parametrize("service", names.DATABASES)
async def test_a_services_role_is_nobody_beyond_its_rows(stack: LocalStack, service: str) -> None:
    used = await asyncpg.connect(stack.dsn(service))
    try:
        role = await used.fetchrow("select * from pg_roles where rolname = current_user")
        assert role is not None
        assert not any(role[right] for right in _RIGHTS)
        memberships = "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = $1"
        assert await used.fetchval(memberships, service) == 0
        assert await used.fetchval("select count(*) from pg_class where pg_get_userbyid(relowner) = current_user") == 0
    finally:
        await used.close()


@pytest.mark.security(14)
@pytest.mark.parametrize(("service", "table"), _INSERT_ONLY)
async def test_nobody_who_serves_can_change_what_is_only_ever_added_to(
    stack: LocalStack, service: str, table: str
) -> None:
    used = await asyncpg.connect(stack.dsn(service))
    owner = await asyncpg.connect(stack.dsn(service, "owner"))
    try:
        triggers = "select tgname from pg_trigger where tgrelid = $1::regclass and not tgisinternal"
        found = {row["tgname"] for row in await used.fetch(triggers, table)}
        assert found == {f"{table}_is_insert_only", f"{table}_is_never_emptied"}
        for connection in (used, owner):
            with pytest.raises(asyncpg.RaiseError, match=f"rows of {table} are never changed"):
                await connection.execute(f"truncate {table}")
        for statement in (
            f"alter table {table} disable trigger all",
            f"drop trigger {table}_is_insert_only on {table}",
            f"drop table {table}",
            "set session_replication_role = replica",
            f"alter table {table} owner to {service}",
            _ANOTHER_REFUSAL,
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await used.execute(statement)
    finally:
        await owner.close()
        await used.close()


@asynccontextmanager
async def _added(stack: LocalStack, service: str, table: str, days_ago: int) -> AsyncIterator[asyncpg.Connection]:
    """Add a row as old as this, whatever it refers to, and be the service's role; the block leaves nothing behind."""
    used = await asyncpg.connect(f"{stack.site.admin_dsn.rpartition('/')[0]}/{service}")
    undone = used.transaction()
    await undone.start()
    try:
        needed = {row["column_name"]: _VALUES[row["data_type"]] for row in await used.fetch(_NEEDED, table)}
        await used.execute("set local session_replication_role = replica")
        added = f"insert into {table} ({', '.join(needed)}) values ({', '.join(needed.values())})"
        await used.execute(added, days_ago)
        await used.execute("set local session_replication_role = origin")
        await used.execute(f"set local role {service}")
        yield used
    finally:
        await undone.rollback()
        await used.close()


async def _is_refused(used: asyncpg.Connection, statement: str) -> bool:
    try:
        async with used.transaction():
            await used.execute(statement)
    except asyncpg.RaiseError as error:
        return "are never changed" in str(error)
    return False


@pytest.mark.security(14)
@pytest.mark.parametrize(("service", "table"), _INSERT_ONLY)
async def test_a_row_that_is_only_ever_added_is_neither_changed_nor_deleted(
    stack: LocalStack, service: str, table: str
) -> None:
    for days_ago in (LEAST_LOG_DAYS - 1, LEAST_LOG_DAYS + 1):
        is_old = days_ago > LEAST_LOG_DAYS and (service, table) in _DROPPED_BY_AGE
        async with _added(stack, service, table, days_ago) as used:
            assert await _is_refused(used, f"update {table} set at = at")
            gone = f"delete from {table} where at < now() - interval '{days_ago - 1} days'"
            assert await _is_refused(used, gone) is not is_old


@pytest.mark.security(14)
async def test_every_table_that_is_only_ever_added_to_is_tried(stack: LocalStack) -> None:
    found = []
    for service in names.DATABASES:
        reader = await asyncpg.connect(stack.dsn(service, "readonly"))
        question = "select tgrelid::regclass::text as name from pg_trigger where tgname like '%\\_is\\_insert\\_only'"
        found += [(service, row["name"]) for row in await reader.fetch(question)]
        await reader.close()
    assert sorted(found) == sorted(_INSERT_ONLY)


async def test_the_readonly_role_reads_every_database_and_changes_none(stack: LocalStack) -> None:
    for service in names.DATABASES:
        owner = await asyncpg.connect(stack.dsn(service, "owner"))
        reader = await asyncpg.connect(stack.dsn(service, "readonly"))
        try:
            await owner.execute("CREATE TABLE readonly_probe (id int)")
            assert await reader.fetch("SELECT * FROM readonly_probe") == []
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute("INSERT INTO readonly_probe VALUES (1)")
        finally:
            await owner.execute("DROP TABLE IF EXISTS readonly_probe")
            await owner.close()
            await reader.close()


async def test_a_service_cannot_enter_the_database_of_another(stack: LocalStack) -> None:
    foreign = stack.dsn("orders").rpartition("/")[0] + "/care"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(foreign)


async def test_a_service_has_limits_that_its_migrations_have_not(stack: LocalStack) -> None:
    used = await asyncpg.connect(stack.dsn("orders"))
    owner = await asyncpg.connect(stack.dsn("orders", "owner"))
    try:
        assert {name: await used.fetchval(f"SHOW {name}") for name in _LIMITS} == _LIMITS
        assert await owner.fetchval("SHOW statement_timeout") == "0"
    finally:
        await used.close()
        await owner.close()


async def test_whoever_only_reads_may_look_for_long_but_not_for_ever(stack: LocalStack) -> None:
    for service in names.DATABASES:
        reader = await asyncpg.connect(stack.dsn(service, "readonly"))
        try:
            assert {name: await reader.fetchval(f"SHOW {name}") for name in _READONLY_LIMITS} == _READONLY_LIMITS
        finally:
            await reader.close()


@pytest.mark.security(11, 12)
async def test_the_servers_log_tells_of_a_refused_row_and_not_what_is_in_it(stack: LocalStack) -> None:
    log, word = stack.site.log(names.POSTGRES), f"zoe-{secrets.token_hex(8)}"
    owner = await asyncpg.connect(stack.dsn("orders", "owner"))
    try:
        await owner.execute("create temporary table logged_probe (word text primary key check (word <> ''), more int)")
        await owner.execute("insert into logged_probe values ($1, 1)", word)
        with pytest.raises(asyncpg.UniqueViolationError, match="logged_probe_pkey"):
            await owner.execute("insert into logged_probe values ($1, 1)", word)
        await owner.execute("alter table logged_probe alter more set not null")
        with pytest.raises(asyncpg.NotNullViolationError):
            await owner.execute("insert into logged_probe values ($1, null)", f"{word} too")
    finally:
        await owner.close()

    async def is_told() -> bool:
        return 'column "more" of relation "logged_probe"' in log.read_text()

    await wait_until(is_told, what="the server has logged the refusals")
    assert "logged_probe_pkey" in log.read_text()
    assert word not in log.read_text()


async def test_preparing_the_databases_again_changes_nothing(stack: LocalStack) -> None:
    site = stack.site
    plans = [site.plan(service) for service in names.DATABASES]
    await databases.prepare(site.admin_dsn, plans, site.readonly())
    used = await asyncpg.connect(stack.dsn("care"))
    assert await used.fetchval("SELECT current_user") == "care"
    await used.close()


async def _run(module: str, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return f"{process.returncode} {output.decode()}"


async def test_the_one_shots_of_compose_do_the_same_from_their_environment(stack: LocalStack) -> None:
    site = stack.site
    environment = {
        databases.ADMIN_URL: site.admin_dsn,
        databases.READONLY_PASSWORD: site.credentials.readonly_password,
        **{names.database_url(service): site.dsn(service) for service in names.DATABASES},
        **{names.migrations_database_url(service): site.dsn(service, "owner") for service in names.DATABASES},
    }
    assert (
        await _run("deploy.local.databases", environment) == "0 prepared: orders, inventory, shipping, care, console\n"
    )
    assert await _run("deploy.local.topics", {names.KAFKA_BOOTSTRAP: stack.bootstrap}) == "0 "


async def test_the_one_shot_names_what_is_missing_or_odd(stack: LocalStack) -> None:
    environment = {databases.ADMIN_URL: stack.site.admin_dsn}
    assert "DATABASES_READONLY_PASSWORD must be set" in await _run("deploy.local.databases", environment)
    environment |= {databases.READONLY_PASSWORD: "word", names.database_url("orders"): "postgresql://host/orders"}
    said = await _run("deploy.local.databases", environment)
    assert "ORDERS_DATABASE_URL must be postgresql://role:password@host:port/database" in said

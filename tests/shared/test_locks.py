"""What must not happen twice, and who waits for whom, in the plumbing that every service has."""

import asyncio
from dataclasses import replace

import asyncpg

from deploy.local import names
from deploy.local.commands import service_command
from deploy.local.processes import Child
from deploy.local.stack import LocalStack
from shared import switches
from shared.kept import KeptConnection
from shared.switches import EVERYWHERE, Switch
from tests.shared.conftest import Plumbing

MIGRATORS = 3
_SECONDS = 120


async def test_two_who_ask_on_one_connection_take_turns(plumbing: Plumbing) -> None:
    kept = KeptConnection(plumbing.consuming.url, "turns")
    await kept.fetch("select 0")
    first, second = await asyncio.gather(kept.fetch("select 1"), kept.fetch("select 2"))
    await kept.close()
    assert (first[0][0], second[0][0]) == (1, 2)


async def test_two_migrators_of_one_database_wait_for_each_other(bare_stack: LocalStack, empty: str) -> None:
    both = {names.database_url("orders"): empty, names.migrations_database_url("orders"): empty}
    migrators: list[Child] = []
    for number in range(MIGRATORS):
        command = service_command(bare_stack.site, bare_stack.options, f"migrate-{number}", "orders", "migrate")
        migrators.append(Child(replace(command, environment={**command.environment, **both})))

    await asyncio.gather(*(migrator.wait_done(_SECONDS) for migrator in migrators))

    connection = await asyncpg.connect(empty)
    assert await connection.fetchval("select count(*) from alembic_version") == 1
    await connection.close()


async def test_what_is_paused_twice_is_paused_once(plumbing: Plumbing) -> None:
    async def pause() -> None:
        async with plumbing.consuming.transaction() as tx:
            await switches.pause(tx, Switch("locks", ()), EVERYWHERE, actor="operator:ann", reason="a test")

    await asyncio.gather(pause(), pause())

    async with plumbing.consuming.transaction() as tx:
        assert [pause.kind for pause in await switches.list_pauses(tx) if pause.kind == "locks"] == ["locks"]

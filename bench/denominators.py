"""What PostgreSQL itself does: pgbench runs the scripts of bench/limits on the same server, in its own database."""

import asyncio
import os
import re
from pathlib import Path
from typing import Final

import asyncpg

from bench.rig import Rig
from deploy.local import names
from deploy.local.components import postgres_directory

CLIENTS: Final = 8
DATABASE: Final = "bench_limits"
SCRIPTS: Final = {"a": "order_rows.sql", "b": "stock_spread.sql", "c": "stock_hot.sql"}
_DIRECTORY = Path(__file__).with_name("limits")
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
_GRACE_SECONDS = 30.0


async def prepare(rig: Rig) -> None:
    """Create the limits' own database with its tables."""
    admin = await asyncpg.connect(rig.stack.site.admin_dsn)
    try:
        await admin.execute(f"drop database if exists {DATABASE} with (force)")
        await admin.execute(f"create database {DATABASE}")
    finally:
        await admin.close()
    connection = await asyncpg.connect(rig.stack.site.admin_dsn, database=DATABASE)
    try:
        statements = (_DIRECTORY / "schema.sql").read_text(encoding="utf-8")
        for statement in re.split(r";\s*$", statements, flags=re.MULTILINE):
            if statement.strip():
                await connection.execute(statement)
    finally:
        await connection.close()


async def measure(rig: Rig, limit: str, seconds: float) -> float:
    """Give transactions a second of one script at 8 clients; raises RuntimeError with what pgbench said."""
    await _empty(rig)
    ports, password = rig.stack.site.ports, rig.stack.site.credentials.admin_password
    process = await asyncio.create_subprocess_exec(
        str(postgres_directory() / "pgbench"),
        *("--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", "--jobs=1", f"--time={max(1, round(seconds))}"),
        *("--host=127.0.0.1", f"--port={ports[names.POSTGRES]}", f"--username={names.ADMIN_ROLE}"),
        f"--file={_DIRECTORY / SCRIPTS[limit]}",
        DATABASE,
        env={**os.environ, "PGPASSWORD": password},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(seconds + _GRACE_SECONDS):
        out, err = await process.communicate()
    rate, failed = _RATE.search(out.decode()), _FAILED.search(out.decode())
    if process.returncode or rate is None or failed is None or failed[1] != "0":
        raise RuntimeError(f"pgbench of limit ({limit}) failed: {(out + err).decode()[-600:]}")
    return float(rate[1])


async def _empty(rig: Rig) -> None:
    """Let every cell begin with the same tables."""
    connection = await asyncpg.connect(rig.stack.site.admin_dsn, database=DATABASE)
    try:
        await connection.execute("truncate orders, order_line, outbox, reservation")
        await connection.execute("vacuum stock")
    finally:
        await connection.close()

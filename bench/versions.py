"""What a run ran on: the machine, and the version of everything that has a part in its figures."""

import asyncio
import re
from importlib.metadata import version
from pathlib import Path

from bench import machine
from bench.load import find_wrk
from bench.rig import Rig
from deploy.local.kafka_server import version as kafka_version

_SETTINGS = ("fsync", "synchronous_commit", "shared_buffers")
_LIBRARIES = ("aiokafka", "asyncpg", "fastapi", "pydantic", "uvicorn")


async def describe(rig: Rig) -> dict[str, str]:
    """Give the machine, versions by name, and the server's settings that durability hangs on."""
    connection = await rig.connect("orders")
    try:
        server = str(await connection.fetchval("show server_version"))
        settings = {name: str(await connection.fetchval(f"show {name}")) for name in _SETTINGS}
    finally:
        await connection.close()
    broker = f"Apache Kafka {kafka_version()}" if rig.broker == "kafka" else "embedded broker (Tansu)"
    wrk = re.search(r"wrk (\S+)", await _output(find_wrk(), "-v"))
    return {
        **machine.describe(),
        "PostgreSQL": server,
        **settings,
        "broker": broker,
        "wrk": wrk[1] if wrk else "unknown",
        **{name: version(name) for name in _LIBRARIES},
        "commit": (await _output("git", "describe", "--always", "--dirty")).strip() or "unknown",
    }


def in_words(described: dict[str, str]) -> str:
    """Say it in one sentence."""
    m = described
    libraries = ", ".join(f"{name} {m[name]}" for name in (*_LIBRARIES, "wrk"))
    return (
        f"{m['cores']} cores ({m['processor']}), {m['memory']}, Linux {m['kernel']}, Python {m['python']}, "
        f"PostgreSQL {m['PostgreSQL']} (fsync {m['fsync']}, synchronous_commit {m['synchronous_commit']}, "
        f"shared_buffers {m['shared_buffers']}), {m['broker']}, {libraries}, commit {m['commit']}"
    )


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=Path(__file__).parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    return out.decode()

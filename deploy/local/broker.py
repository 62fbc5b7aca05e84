"""The embedded broker: Tansu speaks the Kafka protocol and keeps everything in memory."""

import asyncio
from pathlib import Path

from deploy.local import names
from deploy.local.components import broker_binary
from deploy.local.processes import Command


def command(port: int, log: Path) -> Command:
    """Give the broker's command; what it holds ends with it."""
    address = f"tcp://127.0.0.1:{port}"
    return Command(
        name=names.BROKER,
        argv=[
            str(broker_binary()),
            "broker",
            *("--listener-url", address, "--advertised-listener-url", address),
            *("--storage-engine", "memory://tansu/", "--cluster-id", "doorstep"),
        ],
        log=log,
        # It keeps nothing, so there is nothing to wait for.
        stop_seconds=2.0,
    )


async def is_ready(port: int) -> bool:
    """Say whether the broker accepts connections."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), timeout=2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    await writer.wait_closed()
    return True

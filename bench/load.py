"""Load by wrk, a C program: it costs little of the processors that clients and servers share."""

import asyncio
import json
import os
import resource
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.denominators import CLIENTS
from bench.shop import Shop
from deploy.local.errors import ComponentMissingError
from shared.ids import new_id

_SCRIPT = Path(__file__).with_name("intake.lua")
_GRACE_SECONDS = 30.0
_MARK = "BENCH "


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: how many orders were accepted in how many seconds, how long an answer took, and what wrk cost."""

    orders: int
    seconds: float
    p99_ms: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Orders a second."""
        return self.orders / self.seconds


@dataclass(frozen=True, slots=True)
class Wish:
    """What load is wanted of eight clients: for how long, and orders a second (0: all there can be)."""

    seconds: float
    per_second: float = 0.0


def find_wrk() -> str:
    """Find the program; raises ComponentMissingError saying how to get it."""
    found = shutil.which("wrk")
    if found is None:
        raise ComponentMissingError("wrk is missing: on Debian or Ubuntu: sudo apt-get install wrk")
    return found


async def place_orders(shop: Shop, addresses: Sequence[str], wish: Wish) -> Load:
    """Post orders to one or several API processes, the clients shared between them; raises RuntimeError on refusals."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    parts = await asyncio.gather(*(_run(shop, address, wish, len(addresses)) for address in addresses))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Load(
        orders=sum(int(part["requests"]) for part in parts),
        seconds=max(part["seconds"] for part in parts),
        p99_ms=max(part["p99_ms"] for part in parts),
        # Of what ended meanwhile, which is wrk: the suite's own processes run on.
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


async def _run(shop: Shop, address: str, wish: Wish, shares: int) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        find_wrk(),
        *("--threads", "1", "--connections", str(max(1, CLIENTS // shares)), "--timeout", "15s"),
        *("--duration", f"{max(1, round(wish.seconds))}s", "--script", str(_SCRIPT), address),
        env={
            **os.environ,
            "BENCH_KEYS": ",".join(shop.keys),
            "BENCH_RUN": new_id().hex[-12:],
            "BENCH_PER_SECOND": str(wish.per_second / shares),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(wish.seconds + _GRACE_SECONDS):
        out, _ = await process.communicate()
    text = out.decode()
    found = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    if process.returncode or not found:
        raise RuntimeError(f"wrk failed: {text[-600:]}")
    seen: dict[str, float] = json.loads(found[0])
    if seen["refused"] or seen["broken"] or not seen["requests"]:
        raise RuntimeError(f"{seen['refused']} orders were refused and {seen['broken']} got no answer: {seen}")
    return seen

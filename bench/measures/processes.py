"""What each service process is: its memory after load, and how soon it is ready."""

from collections.abc import Mapping

from pydantic import JsonValue

from bench import machine
from bench.figures import median
from bench.session import Session
from bench.table import Result
from shared import clock


async def measure_memory(session: Session) -> Mapping[str, Result]:
    """Read the memory of every service process that served the load before."""
    rig = session.rig
    ours = [*rig.stack.apis, *rig.stack.workers]
    used = {name: machine.unshared_megabytes(pid) for name, pid in rig.pids(*ours).items()}
    largest = max(used, key=lambda name: used[name])
    each: dict[str, JsonValue] = {name: round(megabytes, 1) for name, megabytes in sorted(used.items())}
    return {"memory": Result([used[largest]], f"{used[largest]:.0f} MB, {largest}", {"megabytes": each})}


async def measure_cold_start(session: Session) -> Mapping[str, Result]:
    """Start each service process on its own, from the spawn to the first 200 of /health/ready (asked every 50 ms)."""
    rig = session.rig
    each: dict[str, list[float]] = {}
    for _ in range(session.plan.cells):
        for name in (*rig.stack.apis, *rig.stack.workers):
            await rig.stack.stop_processes([name])
            started = clock.monotonic()
            await rig.stack.start_process(name)
            each.setdefault(name, []).append(clock.monotonic() - started)
    slowest = max(each, key=lambda name: median(each[name]))
    seconds: dict[str, JsonValue] = {name: [round(one, 2) for one in found] for name, found in sorted(each.items())}
    return {"cold_start": Result(each[slowest], f"{median(each[slowest]):.2f} s, {slowest}", {"seconds": seconds})}

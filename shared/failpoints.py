"""Places where a fault test makes the process die, as in a crash, stall or wait; off unless a variable asks for one."""

import asyncio
import os
import time
from pathlib import Path

# Every place, and what is so when it is reached; a test holds the table against the code.
PLACES = {
    "relay.acknowledged": "the broker has a batch that the outbox still has",
    "consumer.polled": "a batch is at hand, nothing of it is applied",
    "consumer.wave": "a wave is committed to the database, its batch not to the broker",
    "consumer.applied": "a batch is applied, its offsets are not committed",
    "api.before_commit": "a call is done and not committed",
    "api.committed": "a call is committed and not answered",
    "expiry.claimed": "orders whose reservation expires are locked",
    "demand.locked": "orders whose reservations change are locked",
}
_HOLD_SECONDS = 30.0
_LOOK_SECONDS = 0.01

_hits: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die at once (no clean-up, exit status 137) if DOORSTEP_FAILPOINT is `name` or `name:N` and this is hit N.

    `name:N:stall=SECONDS` blocks the event loop for so long instead, once. Ignored outside the local environment.
    """
    act = _strikes(name)
    if act.startswith("stall="):
        time.sleep(float(act.removeprefix("stall=")))
    elif act == "die":
        os._exit(137)


async def barrier(name: str) -> None:
    """Wait here, once, if DOORSTEP_FAILPOINT is `name:N:hold=FILE` and this is hit N.

    The file is made, and the wait over when it is gone; meanwhile the process goes on with everything else. Ignored
    outside the local environment.
    """
    act = _strikes(name)
    if act.startswith("hold="):
        await asyncio.to_thread(_hold, Path(act.removeprefix("hold=")))


def _hold(file: Path) -> None:
    file.touch()
    ends = time.monotonic() + _HOLD_SECONDS
    while file.exists() and time.monotonic() < ends:
        time.sleep(_LOOK_SECONDS)


def _strikes(name: str) -> str:
    """Count a hit; give what shall happen at this one, nothing at others."""
    wanted = os.environ.get("DOORSTEP_FAILPOINT", "")
    if not wanted or os.environ.get("DOORSTEP_ENVIRONMENT") != "local":
        return ""
    target, _, rest = wanted.partition(":")
    if target not in PLACES:
        raise ValueError(f"DOORSTEP_FAILPOINT names no place: {target!r}")
    if target != name:
        return ""
    count, _, act = rest.partition(":")
    _hits[name] = _hits.get(name, 0) + 1
    if act:
        return act if _hits[name] == int(count) else ""
    return "die" if _hits[name] >= int(count or "1") else ""

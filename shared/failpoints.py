"""Places where a fault test makes the process die, as in a crash, or stall; off unless an environment variable asks."""

import os
import time

_hits: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die at once (no clean-up, exit status 137) if DOORSTEP_FAILPOINT is `name` or `name:N` and this is hit N.

    `name:N:stall=SECONDS` blocks the event loop for so long instead, once. Ignored outside the local environment.
    """
    wanted = os.environ.get("DOORSTEP_FAILPOINT", "")
    if not wanted or os.environ.get("DOORSTEP_ENVIRONMENT") != "local":
        return
    target, _, rest = wanted.partition(":")
    if target != name:
        return
    count, _, act = rest.partition(":")
    _hits[name] = _hits.get(name, 0) + 1
    if act:
        if _hits[name] == int(count):
            time.sleep(float(act.removeprefix("stall=")))
    elif _hits[name] >= int(count or "1"):
        os._exit(137)

"""Places where a fault test makes the process die, as a crash would; off unless an environment variable names one."""

import os

_hits: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die at once (no clean-up, exit status 137) if DOORSTEP_FAILPOINT is `name` or `name:N` and this is hit N.

    Ignored outside the local environment.
    """
    wanted = os.environ.get("DOORSTEP_FAILPOINT", "")
    if not wanted or os.environ.get("DOORSTEP_ENVIRONMENT") != "local":
        return
    target, _, count = wanted.partition(":")
    if target != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] >= int(count or "1"):
        os._exit(137)

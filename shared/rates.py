"""How often one caller may use one route: a token bucket each, in this process, on the real clock."""

import math

from shared import clock
from shared.errors import RateLimitedError

_MOST_BUCKETS = 20_000


class RateLimit:
    """Buckets of `burst` tokens by caller and route; a request takes one, `per_second` of them come back."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._token_seconds = 1 / per_second
        self._slack_seconds = (burst - 1) / per_second
        # A bucket is the moment at which it is full again; one that is full need not be remembered.
        self._full_at: dict[tuple[str, str], float] = {}

    def spend(self, caller: str, route: str) -> None:
        """Take a token; raises RateLimitedError that says in how many seconds there is one again."""
        now = clock.monotonic()
        key = (caller, route)
        full_at = max(self._full_at.get(key, now), now)
        wait_seconds = full_at - now - self._slack_seconds
        if wait_seconds > 0:
            raise RateLimitedError(
                "too many requests to this route with this key; see Retry-After",
                headers={"Retry-After": str(math.ceil(wait_seconds))},
            )
        if len(self._full_at) >= _MOST_BUCKETS:
            self._forget(now)
        self._full_at[key] = full_at + self._token_seconds

    def _forget(self, now: float) -> None:
        self._full_at = {key: moment for key, moment in self._full_at.items() if moment > now}
        if len(self._full_at) >= _MOST_BUCKETS:
            self._full_at.clear()

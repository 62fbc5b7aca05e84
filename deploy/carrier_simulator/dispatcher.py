"""Delivers events to receivers: signed, in order per parcel, several parcels at once, again until they are taken."""

import asyncio
import hashlib
import heapq
import hmac
import logging
import unicodedata
from collections import deque
from typing import TypedDict, cast

import httpx
import orjson

from deploy.carrier_simulator.settings import Settings
from deploy.carrier_simulator.store import Store
from deploy.carrier_simulator.wire import Event, Header, Webhook, new_id
from shared import clock

_AT_ONCE = 16
_FIRST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 2.0
_TAKEN = range(200, 300)
_FORGED_KEY = "not the key of this account"
_log = logging.getLogger(__name__)


class _Parcel(TypedDict):
    url: str
    secret: str | None
    event: Event
    headers: list[Header]
    duplicate: bool
    forged: bool


def sign(body: bytes, secret: str) -> str:
    """Sign a body as the API does: over the raw bytes alone, no time in it."""
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, body, hashlib.sha256).hexdigest()


class Dispatcher:
    """Owes, remembers and delivers: a lane per receiver and parcel, at most one delivery under way in each."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._default_secret = settings.webhook_secret
        self._timeout = settings.webhook_timeout_seconds
        self._lanes: dict[str, deque[int]] = {}
        self._ready: list[tuple[int, str]] = []
        self._waiting: list[tuple[float, str]] = []
        self._attempts: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loaded = 0
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Get ready to deliver."""
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        # A proxy from the environment has no business between two local processes.
        self._client = httpx.AsyncClient(timeout=self._timeout, limits=limits, trust_env=False)

    async def close(self) -> None:
        """Stop; what was not taken stays owed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def take_up(self) -> None:
        """Take up what is newly owed."""
        rows = self._store.all(
            "select ordinal, lane from delivery where done = 0 and held = 0 and ordinal > ? order by ordinal",
            self._loaded,
        )
        for row in rows:
            self._loaded = row["ordinal"]
            lane = self._lanes.setdefault(row["lane"], deque())
            lane.append(row["ordinal"])
            if len(lane) == 1:
                heapq.heappush(self._ready, (row["ordinal"], row["lane"]))

    def start_due(self) -> None:
        """Start as many deliveries as may run at once, first ones and those whose next try is due."""
        while self._waiting and self._waiting[0][0] <= clock.monotonic():
            _, name = heapq.heappop(self._waiting)
            heapq.heappush(self._ready, (self._lanes[name][0], name))
        self._start()

    def _start(self) -> None:
        while self._ready and len(self._tasks) < _AT_ONCE:
            _, name = heapq.heappop(self._ready)
            task = asyncio.create_task(self._deliver_next(name), name=name)
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            _log.error("a delivery broke", exc_info=failure)
            self._again_later(task.get_name())
        self._start()

    async def _deliver_next(self, name: str) -> None:
        lane = self._lanes[name]
        ordinal = lane[0]
        owed = self._owed(ordinal)
        if owed is not None and not await self._deliver(owed, first=name not in self._attempts):
            self._again_later(name)
            return
        if owed is not None:
            with self._store.transaction() as connection:
                connection.execute("update delivery set done = 1 where ordinal = ?", (ordinal,))
        self._attempts.pop(name, None)
        lane.popleft()
        if lane:
            heapq.heappush(self._ready, (lane[0], name))
        else:
            del self._lanes[name]

    def _again_later(self, name: str) -> None:
        attempts = self._attempts.get(name, 0) + 1
        self._attempts[name] = attempts
        wait = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(attempts, 10))
        heapq.heappush(self._waiting, (clock.monotonic() + wait, name))

    def _owed(self, ordinal: int) -> _Parcel | None:
        row = self._store.one(
            "select delivery.*, webhook.secret, webhook.document as webhook, event.document as event from delivery"
            " join webhook on webhook.id = webhook_id join event on event.id = event_id"
            " where ordinal = ? and done = 0",
            ordinal,
        )
        if row is None:  # the receiver was taken away
            return None
        default = None if self._default_secret is None else self._default_secret.get_secret_value()
        event = cast("Event", orjson.loads(row["event"]))
        event["pending_urls"] = [row["url"]]
        return {
            "url": row["url"],
            "secret": row["secret"] or default,
            "event": event,
            "headers": cast("Webhook", orjson.loads(row["webhook"]))["custom_headers"],
            "duplicate": bool(row["duplicate"]),
            "forged": bool(row["forged"]),
        }

    async def _deliver(self, owed: _Parcel, *, first: bool) -> bool:
        if owed["forged"] and first:
            await self._forge(owed)
        body = orjson.dumps(owed["event"])
        headers = _headers(owed)
        if owed["secret"] is not None:
            headers["X-Hmac-Signature"] = sign(body, owed["secret"])
        taken = await self._post(owed["url"], body, headers)
        if taken and owed["duplicate"]:
            await self._post(owed["url"], body, headers)
        return taken

    async def _forge(self, owed: _Parcel) -> None:
        """Send what an impostor would: the parcel delivered, once unsigned and once under another secret."""
        lie = {**owed["event"]["result"], "status": "delivered", "status_detail": "arrived_at_destination"}
        forged = {**owed["event"], "id": new_id("evt"), "result": lie}
        body = orjson.dumps(forged)
        await self._post(owed["url"], body, _headers(owed))
        await self._post(owed["url"], body, {**_headers(owed), "X-Hmac-Signature": sign(body, _FORGED_KEY)})

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        if self._client is None:
            return False
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError as failure:
            _log.debug("%s did not answer: %r", url, failure)
            return False
        return answer.status_code in _TAKEN


def _headers(owed: _Parcel) -> dict[str, str]:
    extra = {header["name"]: header["value"] for header in owed["headers"]}
    return {"Content-Type": "application/json", "User-Agent": "EasyPost/v2 Webhook (simulated)", **extra}

"""The only place that knows httpx: a client per partner with deadlines, bounded retries and a circuit breaker."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
import orjson
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from shared import clock, tracing

Params = Mapping[str, str | list[str]]
"""What is asked for; a list is said once for each of its values."""
Json = dict[str, object] | list[object] | str | int | float | bool | None

_SERVER_ERROR = 500
_TOO_MANY = 429


class HttpUnavailableError(ConnectionError):
    """Nothing was accepted: no connection, or the breaker is open; calling again is safe."""


class HttpAnswerLostError(ConnectionError):
    """The request was sent and no answer came: the partner may have done the work."""


@dataclass(frozen=True, slots=True)
class HttpStatusError(Exception):
    """The partner answered with an error status; `body` is its JSON or text."""

    status: int
    body: Json
    retry_after_seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.without_values}: {str(self.body)[:300]}"

    @property
    def without_values(self) -> str:
        """Say the status alone: a partner's answer may repeat what we sent, and the log keeps no address."""
        return f"HTTP {self.status}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Json:
        """Parse the body as JSON."""
        parsed: Json = orjson.loads(self.content) if self.content else None
        return parsed


@dataclass(slots=True)
class Breaker:
    """Opens after `threshold` failures in a row; after `open_seconds` one call may try."""

    threshold: int = 5
    open_seconds: float = 10.0
    failures: int = 0
    opened_at: float = field(default=float("-inf"))

    def check(self, partner: str) -> None:
        """Raise HttpUnavailableError while open."""
        if self.failures < self.threshold:
            return
        if clock.monotonic() - self.opened_at < self.open_seconds:
            raise HttpUnavailableError(f"{partner} failed {self.failures} times in a row; the next try waits")
        self.opened_at = clock.monotonic()  # let this one call through

    def record(self, *, ok: bool) -> None:
        """Count an outcome."""
        if ok:
            self.failures = 0
            return
        self.failures += 1
        if self.failures == self.threshold:
            self.opened_at = clock.monotonic()


class HttpClient:
    """HTTP to one partner; `headers` (e.g. authorisation) go with each request; no redirects are followed."""

    def __init__(
        self,
        partner: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
        breaker: Breaker | None = None,
        server_name: str | None = None,
    ) -> None:
        """Make a client; `server_name` is the name TLS asks for and verifies where `base_url` is a pinned address."""
        self.partner = partner
        self._extensions = {"sni_hostname": server_name} if server_name else {}
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = httpx.Timeout(timeout_seconds, connect=3.0)
        self._clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}
        self.breaker = breaker or Breaker()

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = httpx.AsyncClient(
                timeout=self._timeout,
                limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
                follow_redirects=False,
                trust_env=False,
            )
        return self._clients[loop]

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call, once.

        Raises HttpUnavailableError (nothing was accepted), HttpAnswerLostError (perhaps accepted) or
        HttpStatusError (the partner's refusal).
        """
        self.breaker.check(self.partner)
        all_headers = {**self._headers, **(headers or {})}
        if traceparent := tracing.current_traceparent():
            all_headers.setdefault("traceparent", traceparent)
        if json is not None:
            content = orjson.dumps(json, default=str)
            all_headers.setdefault("content-type", "application/json")
        try:
            response = await self._client().request(
                method, self._base_url + path, content=content, params=params or None, headers=all_headers,
                extensions=self._extensions,
            )  # fmt: skip
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self.breaker.record(ok=False)
            raise HttpUnavailableError(f"{self.partner} cannot be reached: {error}") from error
        except httpx.HTTPError as error:
            self.breaker.record(ok=False)
            raise HttpAnswerLostError(f"{self.partner} did not answer: {type(error).__name__}") from error
        self.breaker.record(ok=response.status_code < _SERVER_ERROR)
        if not response.is_success:  # a redirect is no answer either: nobody has taken what we sent
            raise HttpStatusError(response.status_code, _body(response), _retry_after(response))
        return Answer(response.status_code, dict(response.headers), response.content)

    async def get(
        self,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        attempts: int = 3,
    ) -> Answer:
        """Read, again after a lost answer, a server error or 429, at most `attempts` times in all."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type((HttpUnavailableError, HttpAnswerLostError, _Again)),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._get_once(path, params, headers)
        except _Again as again:
            raise again.error from None
        raise HttpUnavailableError(f"{self.partner} was not asked")

    async def _get_once(self, path: str, params: Params | None, headers: Mapping[str, str] | None) -> Answer:
        try:
            return await self.request("GET", path, params=params, headers=headers)
        except HttpStatusError as error:
            if error.status >= _SERVER_ERROR or error.status == _TOO_MANY:
                raise _Again(error) from error
            raise

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()


class _Again(Exception):  # noqa: N818 - a signal to tenacity
    def __init__(self, error: HttpStatusError) -> None:
        super().__init__(str(error))
        self.error = error


def _body(response: httpx.Response) -> Json:
    try:
        parsed: Json = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text[:2000]
    return parsed


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdigit() else None

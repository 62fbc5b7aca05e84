"""A bot's way to a service: the same key until there is an answer, however often a process dies meanwhile."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, JsonValue

from shared import clock
from shared.auth import Role, mint_token
from shared.http import Breaker, HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError

M = TypeVar("M", bound=BaseModel)

_SERVER_ERROR = 500
_AGAIN = frozenset({"conflict", "rate_limited"})  # a twin of this very request is still being served
_NO_CONTENT = 204
_PATIENCE_SECONDS = 180.0
_PAUSE_SECONDS = 0.1
_TOKEN_SECONDS = 200.0


class Refused(Exception):  # noqa: N818 - a fact a bot acts on
    """The service refused; `code` and `problem` say why."""

    def __init__(self, status: int, problem: Mapping[str, JsonValue]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        super().__init__(f"{status} {self.code}: {problem.get('detail', problem)}")


@dataclass(slots=True)
class StaffToken:
    """A token of one role, renewed before it ends."""

    private_key: str
    role: Role
    subject: str
    _token: str = ""
    _made_at: float = float("-inf")

    def __call__(self) -> str:
        """Give a valid token."""
        if clock.monotonic() - self._made_at > _TOKEN_SECONDS:
            self._token = mint_token(self.private_key, subject=self.subject, role=self.role)
            self._made_at = clock.monotonic()
        return self._token


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a service has answered an act with: its `route` is method and path, its `answer` None for 204."""

    service: str
    route: str
    key: str
    status: int
    answer: JsonValue


@dataclass(slots=True)
class Door:
    """One caller's access to one service; an `observer` is told of every act that was acknowledged."""

    service: str
    url: str
    credential: Callable[[], str] = lambda: ""
    calls: int = 0
    acts: int = 0
    """What may have changed something: neither refused nor answered with nothing to do."""
    observer: Callable[[Acknowledged], None] | None = None
    _client: HttpClient | None = field(default=None)

    async def get(self, path: str, shape: type[M], **params: str | int | None) -> M:
        """Read; raises Refused."""
        said = {name: str(value) for name, value in params.items() if value is not None}
        return shape.model_validate(await self._patiently("GET", path, None, None, said))

    async def post(self, path: str, body: object, *, key: str, shape: type[M]) -> M:
        """Act once per key; raises Refused."""
        return shape.model_validate(await self.act(path, body, key=key))

    async def act(self, path: str, body: object, *, key: str) -> JsonValue:
        """Act once per key and give the plain answer, None for 204; raises Refused."""
        answer = await self._patiently("POST", path, body, key, None)
        self.acts += answer is not None
        return answer

    async def act_get(self, path: str) -> JsonValue:
        """Read and give the plain answer; raises Refused."""
        return await self._patiently("GET", path, None, None, None)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _patiently(
        self, method: str, path: str, body: object, key: str | None, params: Mapping[str, str] | None
    ) -> JsonValue:
        ends = clock.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await self._once(method, path, body, key, params)
            except (HttpUnavailableError, HttpAnswerLostError):
                if clock.monotonic() > ends:
                    raise
            except HttpStatusError as error:
                problem: dict[str, JsonValue] = error.body if isinstance(error.body, dict) else {}  # type: ignore[assignment]
                again = error.status >= _SERVER_ERROR or str(problem.get("code")) in _AGAIN
                if not again or clock.monotonic() > ends:
                    raise Refused(error.status, problem) from error
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _once(
        self, method: str, path: str, body: object, key: str | None, params: Mapping[str, str] | None
    ) -> JsonValue:
        if self._client is None:
            self._client = HttpClient(self.service, self.url, timeout_seconds=30, breaker=Breaker(threshold=10**9))
        credential = self.credential()
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        self.calls += 1
        answer = await self._client.request(method, path, json=body, params=params, headers=headers)
        said: JsonValue = None if answer.status == _NO_CONTENT else answer.json()  # type: ignore[assignment]
        if key is not None and self.observer is not None:
            self.observer(Acknowledged(self.service, f"{method} {path}", key, answer.status, said))
        return said


def key_of(*parts: object) -> str:
    """Make an idempotency key that the same act has in every run and after every crash."""
    return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:40]


def chance(seed: str, *parts: object) -> float:
    """Give a number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.sha256("|".join([seed, *(str(part) for part in parts)]).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64

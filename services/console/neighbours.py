"""The services as a member of staff reaches them: over HTTP, with a token of their role; the services judge."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, JsonValue

from services.console.errors import AnswerLostError, RefusedError, ServiceAwayError, WorkPausedError
from shared.auth import Role, mint_link, mint_token
from shared.errors import InvalidError
from shared.http import Answer, HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError
from shared.settings import PlatformSettings

M = TypeVar("M", bound=BaseModel)
Said = str | int | tuple[str, ...] | None

SERVICES = ("orders", "inventory", "shipping", "care")
_SERVER_ERROR = 500
_TIMEOUT_SECONDS = 15.0
_READ_ATTEMPTS = 2
_LEAD_OUT = frozenset({".", ".."})
_KEY = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_VIEW_LASTS = timedelta(days=1)


class Neighbours:
    """The connections to the services, shared by everybody who is signed in."""

    def __init__(self, platform: PlatformSettings, private_key: str) -> None:
        self._private_key = private_key
        self.clients = {
            name: HttpClient(name, getattr(platform, f"{name}_url"), timeout_seconds=_TIMEOUT_SECONDS)
            for name in SERVICES
        }

    def caller(self, login: str, role: Role, request_id: str = "") -> "Caller":
        """Give one person's way to the services, for the length of a request; they note what they do under its id."""
        return Caller(self.clients, mint_token(self._private_key, subject=login, role=role), request_id)

    def own(self) -> "Caller":
        """Give the console's own way: what it shows on every page, whoever looks."""
        return self.caller("console", Role.OPERATOR)

    def customer(self, subject: str) -> "Caller":
        """Give a customer's way to the services: what they answer is of the order `subject` only."""
        return Caller(self.clients, mint_token(self._private_key, subject=subject, role=Role.CUSTOMER))

    def view_of(self, order_id: UUID) -> str:
        """Make a link that shows an order for a day and acts on nothing."""
        return mint_link(self._private_key, order_id, _VIEW_LASTS)

    async def close(self) -> None:
        """Close the connections."""
        for client in self.clients.values():
            await client.close()


@dataclass(frozen=True, slots=True)
class Caller:
    """One person's way to the services; refusals are RefusedError, silence ServiceAwayError or AnswerLostError."""

    clients: Mapping[str, HttpClient]
    token: str
    request_id: str = ""

    async def get(self, service: str, path: str, shape: type[M], **params: Said) -> M:
        """Read."""
        return shape.model_validate(await self.read(service, path, **params))

    async def read(self, service: str, path: str, **params: Said) -> JsonValue:
        """Read, and give the plain answer; a parameter of several values is said once for each."""
        said = {
            name: list(value) if isinstance(value, tuple) else str(value)
            for name, value in params.items()
            if value is not None
        }
        try:
            answer = await self.clients[service].get(
                _address(path), params=said or None, headers=self._headers(), attempts=_READ_ATTEMPTS
            )
        except (HttpStatusError, HttpUnavailableError, HttpAnswerLostError) as error:
            raise _translated(service, error) from error
        return _json(answer)

    async def act(
        self,
        service: str,
        path: str,
        body: object,
        *,
        key: str,
        method: str = "POST",
        version: int | None = None,
    ) -> JsonValue:
        """Act, once per key; `version` is the one the person saw (If-Match); None for an answer without a body."""
        headers = {**self._headers(), **_claim(key)}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        try:
            answer = await self.clients[service].request(method, _address(path), json=body, headers=headers)
        except (HttpStatusError, HttpUnavailableError, HttpAnswerLostError) as error:
            raise _translated(service, error) from error
        return _json(answer)

    async def send(self, service: str, path: str, content: bytes, *, key: str) -> JsonValue:
        """Send bytes, once per key: a photo."""
        headers = {**self._headers(), **_claim(key), "Content-Type": "application/octet-stream"}
        try:
            answer = await self.clients[service].request("POST", _address(path), content=content, headers=headers)
        except (HttpStatusError, HttpUnavailableError, HttpAnswerLostError) as error:
            raise _translated(service, error) from error
        return _json(answer)

    async def fetch(self, service: str, path: str, **params: str) -> Answer:
        """Read bytes: a label, a photo."""
        try:
            return await self.clients[service].get(
                _address(path), params=params or None, headers=self._headers(), attempts=_READ_ATTEMPTS
            )
        except (HttpStatusError, HttpUnavailableError, HttpAnswerLostError) as error:
            raise _translated(service, error) from error

    def _headers(self) -> dict[str, str]:
        named = {"X-Request-Id": self.request_id} if self.request_id else {}
        return {"Authorization": f"Bearer {self.token}", **named}


def _address(path: str) -> str:
    """Write a path whose parts are what somebody typed: no part ends it, leads out of it or is left out."""
    parts = (quote(part, safe=":@!$&'()*+,;=~") for part in path.split("/"))
    return "/".join(part.replace(".", "%2E") if part in _LEAD_OUT else part for part in parts)


def _claim(key: str) -> dict[str, str]:
    """Give the header under which an act is done once; a form may hold anything, a header may not."""
    if not _KEY.fullmatch(key):
        raise InvalidError("this form is not as its page made it: open the page again")
    return {"Idempotency-Key": key}


def _json(answer: Answer) -> JsonValue:
    return answer.json()  # type: ignore[return-value]  # the same JSON by another name


def _translated(service: str, error: Exception) -> RefusedError | ServiceAwayError:
    if isinstance(error, HttpAnswerLostError):
        return AnswerLostError(f"{service} did not answer", extra={"service": service})
    problem = error.body if isinstance(error, HttpStatusError) and isinstance(error.body, dict) else {}
    if problem.get("code") == WorkPausedError.code:
        return WorkPausedError(f"{service} has paused this", extra={"service": service})
    if not isinstance(error, HttpStatusError) or error.status >= _SERVER_ERROR:
        return ServiceAwayError(f"{service} cannot be reached", extra={"service": service})
    detail = str(problem.get("detail") or problem.get("title") or "the request was refused")
    return RefusedError(error.status, str(problem.get("code", "refused")), detail, dict(problem))

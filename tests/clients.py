"""HTTP clients of the running services, each with a fresh token of one role."""

from collections.abc import Generator

import httpx

from deploy.local.stack import LocalStack
from shared.auth import Role, mint_token

_REQUEST_SECONDS = 30.0


class RoleAuth(httpx.Auth):
    """Puts a fresh token on every request, so that a long test outlives the five minutes of one."""

    def __init__(self, private_setting: str, role: str, subject: str) -> None:
        self._private_setting = private_setting
        self._role = role
        self._subject = subject

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = mint_token(self._private_setting, subject=self._subject, role=Role(self._role))
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


class Clients:
    """Clients by service and role; they keep their connections until the session ends."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._open: dict[tuple[str, str, str], httpx.AsyncClient] = {}

    def of(self, service: str, role: str = "operator", subject: str = "test") -> httpx.AsyncClient:
        """Give the client of a service whose requests carry a token of `role`."""
        auth = RoleAuth(self._private_setting(service, role), role, subject)
        return self._client(service, role, subject, auth)

    def anonymous(self, service: str) -> httpx.AsyncClient:
        """Give the client of a service that says nothing about itself."""
        return self._client(service, "", "", None)

    async def close(self) -> None:
        for client in self._open.values():
            await client.aclose()

    def _private_setting(self, service: str, role: str) -> str:
        if role == "service":
            return self._stack.site.credentials.service_keys[service].private_setting
        return self._stack.staff_key

    def _client(self, service: str, role: str, subject: str, auth: RoleAuth | None) -> httpx.AsyncClient:
        key = (service, role, subject)
        if key not in self._open:
            self._open[key] = httpx.AsyncClient(
                base_url=self._stack.urls[service], timeout=_REQUEST_SECONDS, auth=auth, trust_env=False
            )
        return self._open[key]

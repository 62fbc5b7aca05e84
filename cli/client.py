"""Calls to the services, and their refusals in words that name the field and the reason."""

import asyncio
from collections.abc import Mapping
from typing import NoReturn, cast

import typer
from pydantic import JsonValue
from rich.markup import escape

from cli import show, target
from shared.auth import Role
from shared.errors import ConfigurationError
from shared.http import Answer, HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError
from shared.ids import new_id

REFUSED = 1
UNREACHABLE = 3
_SECONDS = 30.0

Params = Mapping[str, str | int | bool | None]


def get(service: str, path: str, role: Role, params: Params | None = None) -> JsonValue:
    """Read; ends the command with a readable error when refused."""
    return _json(call(service, f"GET {path}", role, params=params))


def post(service: str, path: str, role: Role, body: object = None, key: str | None = None) -> JsonValue:
    """Act, once per `key` (a new one unless given); ends the command when refused."""
    return _json(call(service, f"POST {path}", role, body=body, headers={"Idempotency-Key": key or str(new_id())}))


def act(service: str, path: str, role: Role, body: object = None) -> JsonValue:
    """Act where there may be nothing to answer; ends the command when refused."""
    answer = call(service, f"POST {path}", role, body=body, headers={"Idempotency-Key": str(new_id())})
    return _json(answer) if answer.content else None


def call(
    service: str,
    route: str,
    credential: Role | str,
    *,
    body: object = None,
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Make one call of `METHOD /path` with a staff role's token, or with an API key given as such."""
    suite = found()
    url = suite.urls.get(service)
    if not url:
        fail(f"no address of {service} is known: set DOORSTEP_{service.upper()}_URL", UNREACHABLE)
    token = suite.token(credential) if isinstance(credential, Role) else credential
    client = HttpClient(service, url, headers={"Authorization": f"Bearer {token}"}, timeout_seconds=_SECONDS)
    said = {name: _query(value) for name, value in (params or {}).items() if value is not None}
    try:
        return asyncio.run(_once(client, route, body, said, headers))
    except HttpUnavailableError:
        fail(f"{service} cannot be reached at {url}; start the suite with: doorstep up", UNREACHABLE)
    except HttpAnswerLostError as error:
        fail(f"{service} took the request and did not answer: {error}; look before you send it again", UNREACHABLE)
    except HttpStatusError as error:
        _refused(service, error)


def found() -> target.Target:
    """The suite to speak to; ends the command when there is none."""
    try:
        return target.find()
    except ConfigurationError as error:
        fail(str(error), UNREACHABLE)


def fail(message: str, status: int = REFUSED) -> NoReturn:
    """End the command with an error."""
    if show.manner.json:
        show.as_json({"error": message})
    else:
        show.err.print(f"[red]{escape(message)}[/red]", soft_wrap=True)
    raise typer.Exit(status)


async def _once(
    client: HttpClient,
    route: str,
    body: object,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None,
) -> Answer:
    method, _, path = route.partition(" ")
    try:
        if method == "GET":
            return await client.get(path, params=params or None)
        return await client.request(method, path, json=body, params=params or None, headers=headers)
    finally:
        await client.close()


def _json(answer: Answer) -> JsonValue:
    return cast("JsonValue", answer.json())


def _query(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(service: str, error: HttpStatusError) -> NoReturn:
    """Show a problem+json as text: what, then each field with its reason, then what else it says."""
    if show.manner.json:
        show.as_json(error.body)
        raise typer.Exit(REFUSED)
    problem = cast("dict[str, JsonValue]", error.body) if isinstance(error.body, dict) else {}
    detail = problem.get("detail") or problem.get("title") or error.body
    show.err.print(
        f"[red]{service} refused[/red] ({error.status} {problem.get('code', '')}): {escape(str(detail))}",
        soft_wrap=True,
    )
    for entry in show.list_of(problem.get("errors")):
        show.err.print(escape(f"  {entry.get('pointer')}  {entry.get('detail')} ({entry.get('code')})"), soft_wrap=True)
    known = {"type", "title", "status", "code", "detail", "errors", "request_id"}
    for name, value in problem.items():
        if name not in known:
            show.err.print(escape(f"  {name}: {show.cell(value)}"))
    if problem.get("request_id"):
        show.err.print(f"[dim]request {problem['request_id']}[/dim]")
    raise typer.Exit(REFUSED)

"""Every staff route of every service has its verb, and the verb the role that the route asks for."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, get_args, get_origin

import jwt
import pytest
import typer
from typer.models import OptionInfo

from cli.main import app
from cli.target import STAFF_KEY
from deploy.local import names
from shared.auth import SCOPES, Role, make_key_pair
from shared.openapi import scopes_of
from shared.operators import operators_router
from tests.cli.conftest import run
from tests.house_rules.test_routes import Entry, routes, service_routes

# Commands that speak to no service, or run for long.
_NOT_CALLS = {"demo", "replay-orders", "up", "down", "status", "reset", "migrate", "check", "token", "topics"}
# What a parameter of this name is given; others get a word, a number or a moment by their type.
_SAID = {
    "service": "orders",
    "kind": "booking",
    "lines": "S-1=5",
    "identity": "7",
    "since": "2026-11-01T00:00:00+00:00",
    "expected_at": "2026-11-01T00:00:00+00:00",
}
_ALSO: dict[tuple[str, ...], tuple[str, ...]] = {("privacy", "export"): ("7",)}  # commands that take one of two things
_LISTED = {"id": "7", "code": "a-word", "key": "dsk_test_x", "kind": "damage", "count": 1}
_FILE = '{"a body, and a log of mails": "<01a21b7f-f83b-77ec-862e-7cdb54796d3e@care.doorstep>"}'
_WITHOUT_A_VERB: dict[str, str] = {}
"""Staff routes that are no business of a command line, and why."""


class Recorder(ThreadingHTTPServer):
    """Stands where the services stand: keeps what is asked of which, by which role."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recording)
        self.calls: set[tuple[str, str, Role]] = set()


class _Recording(BaseHTTPRequestHandler):
    server: Recorder

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        service, _, path = self.path.partition("?")[0].lstrip("/").partition("/")
        bearer = self.headers["authorization"].removeprefix("Bearer ")
        if not bearer.startswith("dsk_"):
            role = Role(jwt.decode(bearer, options={"verify_signature": False})["role"])
            self.server.calls.add((service, f"{self.command} /{path}", role))
        content = json.dumps({**_LISTED, "data": [_LISTED]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class's own names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's own
        """Say nothing."""


@contextmanager
def recording() -> Iterator[Recorder]:
    with Recorder() as recorder:
        thread = threading.Thread(target=recorder.serve_forever)
        thread.start()
        try:
            yield recorder
        finally:
            recorder.shutdown()
            thread.join()


def _commands() -> Iterator[tuple[tuple[str, ...], Callable[..., object]]]:
    groups: list[tuple[tuple[str, ...], typer.Typer]] = [((), app)]
    groups += [((str(group.name),), group.typer_instance) for group in app.registered_groups if group.typer_instance]
    for above, group in groups:
        for command in group.registered_commands:
            assert command.callback is not None
            path = (*above, command.name or command.callback.__name__.replace("_", "-"))
            if not _NOT_CALLS & set(path):
                yield path, command.callback


def _arguments(command: Callable[..., object], file: Path) -> Iterator[str]:
    """Give all that a command cannot do without."""
    for name, parameter in signature(command, eval_str=True).parameters.items():
        if parameter.default is not Parameter.empty:
            continue
        kind, told = get_args(parameter.annotation)[:2]
        if isinstance(told, OptionInfo):
            decided = [str(one) for one in told.param_decls or () if str(one).startswith("--")]
            yield (decided or [f"--{name.replace('_', '-')}"])[0]
        kinds = get_args(kind) if get_origin(kind) is tuple else (kind,)
        yield from (_value(name, one, file) for one in kinds)


def _value(name: str, kind: object, file: Path) -> str:
    if kind is Path:
        return str(file)
    return _SAID.get(name, "1" if kind is int else "a-word")


def test_every_staff_route_has_a_verb_whose_role_may_use_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "body.json"
    wanting: list[str] = []
    refused: list[str] = []
    monkeypatch.setenv(STAFF_KEY, make_key_pair("staff-1")[0])
    monkeypatch.setenv("DOORSTEP_API_KEY", "dsk_test_x")
    with recording() as recorder:
        for service in names.SERVICES:
            monkeypatch.setenv(names.url(service), f"http://127.0.0.1:{recorder.server_port}/{service}")
        for path, command in _commands():
            file.write_text(_FILE)  # some commands write where others read
            ran = run(*path, *_arguments(command, file), *_ALSO.get(path, ()))
            if ran.status:
                refused.append(f"{' '.join(path)}: {ran.err}")

    for services, entry in _staff_routes():
        for method in sorted(entry.methods):
            route = re.compile(f"{method} " + re.sub(r"\{\w+\}", "[^/]+", entry.path))
            roles = {role for one, asked, role in recorder.calls if one in services and route.fullmatch(asked)}
            name = f"{' or '.join(services)}: {method} {entry.path}"
            if not roles and name not in _WITHOUT_A_VERB:
                wanting.append(name)
            refused += [f"{name} as {role}" for role in roles if not scopes_of(entry.dependant) & SCOPES[role]]
    assert not wanting, "staff routes without a verb of the command line"
    assert not refused, "verbs that fail, or whose role the route refuses"


def _staff_routes() -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Give each staff route with the services that have it: the operators' own are the same in all."""
    everywhere = list(routes(operators_router(())))
    known = {(entry.path, entry.methods) for entry in everywhere}
    yield from ((names.SERVICES, entry) for entry in everywhere)
    for service in names.SERVICES:
        for entry in service_routes(service):
            if entry.path.startswith("/staff") and (entry.path, entry.methods) not in known:
                yield (service,), entry

"""What the command line says when there is nothing to speak to."""

from inspect import signature
from pathlib import Path

import jwt
import pytest

from cli.main import app
from cli.target import STAFF_KEY
from deploy.local import names
from deploy.local.ports import free
from shared.auth import make_key_pair
from tests.cli.conftest import run

COMMANDS = [
    ("parked", "list"),
    ("dead-letters", "list"),
    ("topics", "list"),
    ("pauses",),
    ("pause", "booking", "--reason", "a strike"),
    ("keys", "token", "--role", "picker"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_where_nothing_runs_the_command_to_start_it_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    ran = run("--home", str(tmp_path), *command)

    assert ran.status == 3
    assert "doorstep up" in ran.err


def test_with_json_the_error_is_json_too() -> None:
    ran = run("parked", "list", "--json")

    assert ran.status == 3
    assert "doorstep up" in str(ran.fields["error"])


def test_a_service_that_is_away_is_named_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free()[names.SIMULATOR]}"
    monkeypatch.setenv(STAFF_KEY, make_key_pair("staff-1")[0])
    monkeypatch.setenv(names.url("orders"), url)

    ran = run("parked", "list")

    assert ran.status == 3
    assert f"orders cannot be reached at {url}" in " ".join(ran.err.split())


def test_a_token_carries_role_and_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STAFF_KEY, make_key_pair("staff-1")[0])

    ran = run("keys", "token", "--role", "picker", "--subject", "ann", "--json")

    claims = jwt.decode(str(ran.fields["token"]), options={"verify_signature": False})
    assert (claims["role"], claims["sub"]) == ("picker", "ann")


def test_services_sign_their_own_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STAFF_KEY, make_key_pair("staff-1")[0])

    ran = run("keys", "token", "--role", "service")

    assert ran.status == 1
    assert "choose a role of staff" in ran.err


def test_a_check_without_its_connections_names_each_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STAFF_KEY, make_key_pair("staff-1")[0])
    monkeypatch.setenv(names.readonly_database_url("orders"), "postgresql://nobody@127.0.0.1:1/orders")

    ran = run("check")

    assert ran.status == 3
    missing = {names.readonly_database_url(service) for service in names.SERVICES if service != "orders"}
    assert {word.strip(",") for word in ran.err.split() if "READONLY" in word} == missing


def test_an_unknown_switch_is_refused_with_the_known_ones() -> None:
    ran = run("pause", "everything", "--reason", "a try")

    assert ran.status == 2
    assert "booking" in ran.err


def _signatures() -> dict[str, set[str]]:
    """The parameters of every command, by the command's full name."""
    found = {"": app, **{str(group.name): group.typer_instance for group in app.registered_groups}}
    return {
        f"{name} {command.name or command.callback.__name__}".strip(): set(signature(command.callback).parameters)
        for name, commands in found.items()
        if commands is not None
        for command in commands.registered_commands
        if command.callback is not None
    }


def test_every_command_answers_as_json_too() -> None:
    commands = _signatures()

    assert len(commands) > 60
    assert {name for name, options in commands.items() if "as_json" not in options} == set()


def test_every_command_explains_itself() -> None:
    commands = [
        command
        for found in (app, *(group.typer_instance for group in app.registered_groups))
        if found is not None
        for command in found.registered_commands
    ]

    assert [command.name for command in commands if not (command.callback and command.callback.__doc__)] == []

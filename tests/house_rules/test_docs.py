"""What the documents say is so: routes, commands, files and tests they name exist."""

import re
from pathlib import Path

import pytest

from cli.main import app
from services.orders.schemas.feed import EVENT_TYPES
from tests.house_rules import tree
from tests.house_rules.test_routes import service_routes

DOCUMENTS = [path for path in tree.tracked() if path.endswith(".md")]
API = (tree.ROOT / "docs" / "api.md").read_text(encoding="utf-8")
_ROUTE = re.compile(r"`(GET|POST|PATCH|DELETE|PUT) (/v1[^`?]*)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
_TARGET = re.compile(r"(?:`|^|\| *)make ([a-z][a-z-]*)", re.MULTILINE)
_COMMAND = re.compile(r"doorstep ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")
_TEST_FILE = re.compile(r"`(tests/[\w/]+(?:\.py)?)`")
_TEST_NAME = re.compile(r"`(test_\w+)`")


def _text(path: str) -> str:
    return (tree.ROOT / path).read_text(encoding="utf-8")


def test_the_api_page_lists_exactly_the_storefronts_routes() -> None:
    served = {
        f"{method} {route.path}"
        for route in service_routes("orders")
        if route.path.startswith("/v1")
        for method in route.methods - {"HEAD"}
    }

    assert {f"{method} {path}" for method, path in _ROUTE.findall(API)} == served


def test_the_api_page_lists_every_public_event_type() -> None:
    assert {name for name in EVENT_TYPES if f"`{name}`" not in API} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    folder = (tree.ROOT / document).parent

    assert [link for link in _LINK.findall(_text(document)) if not (folder / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_has_the_targets_that_documents_name(document: str) -> None:
    listed = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))

    assert set(_TARGET.findall(_text(document))) - listed == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_tests_that_documents_name_exist(document: str) -> None:
    everything = "\n".join(source.text for source in tree.sources() if source.within("tests"))

    assert [path for path in _TEST_FILE.findall(_text(document)) if not (tree.ROOT / path).exists()] == []
    assert [name for name in _TEST_NAME.findall(_text(document)) if f"def {name}(" not in everything] == []


def _commands() -> set[str]:
    single = {
        command.name or (command.callback.__name__ if command.callback else "") for command in app.registered_commands
    }
    grouped = {
        f"{group.name} {command.name or (command.callback.__name__ if command.callback else '')}"
        for group in app.registered_groups
        if group.typer_instance
        for command in group.typer_instance.registered_commands
    }
    return {name.replace("_", "-") for name in single | grouped}


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if not path.startswith("docs/adr/")])
def test_the_command_line_has_the_commands_that_documents_name(document: str) -> None:
    known = _commands()
    quoted = re.findall(r"```.*?```|`[^`\n]+`", _text(document), re.DOTALL)
    named = {found for text in quoted for found in _COMMAND.findall(text)}

    assert {name for name in named if name not in known and name.split(" ")[0] not in known} == set()


def test_the_decisions_are_all_listed() -> None:
    listed = _text("docs/adr/README.md")
    written = sorted(Path(path).name for path in tree.tracked() if re.match(r"docs/adr/\d{4}-", path))

    assert [name for name in written if name not in listed] == []

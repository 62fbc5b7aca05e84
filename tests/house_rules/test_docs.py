"""What the documents say is so: routes, commands, files and tests they name exist."""

import re
from pathlib import Path

import pytest
import typer

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


def _names(found: typer.Typer) -> set[str]:
    commands = [(command.name, command.callback) for command in found.registered_commands]
    return {(name or (act.__name__ if act else "")).replace("_", "-") for name, act in commands}


def _is_command(named: str) -> bool:
    first, _, second = named.partition(" ")
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    inside = groups.get(first)
    return first in _names(app) or (inside is not None and (not second or second in _names(inside)))


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if not path.startswith("docs/adr/")])
def test_the_command_line_has_the_commands_that_documents_name(document: str) -> None:
    quoted = re.findall(r"```.*?```|`[^`\n]+`", _text(document), re.DOTALL)
    named = {found for text in quoted for found in _COMMAND.findall(text)}

    assert {name for name in named if not _is_command(name)} == set()


def test_a_command_that_does_not_exist_is_found() -> None:
    assert _is_command("orders find")
    assert _is_command("parked")
    assert not _is_command("orders lose")
    assert not _is_command("improve")


def test_the_decisions_are_all_listed() -> None:
    listed = _text("docs/adr/README.md")
    written = sorted(Path(path).name for path in tree.tracked() if re.match(r"docs/adr/\d{4}-", path))

    assert [name for name in written if name not in listed] == []

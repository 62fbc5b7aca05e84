"""What no reviewer should have to remember: secrets are compared in constant time, overrides leave an audit row."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType

import pytest

from services.care.actions import ledger
from shared.audit import audit
from tests.house_rules import tree
from tests.house_rules.test_routes import SERVICES, Entry, service_routes

_SECRET = re.compile(r"(secret|password|signature|token|csrf|digest)s?$|^(api_key|key_hash)$")
_COMPARING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
_DEEP = 5
# Care's cases have a ledger of their own, as insert-only as the audit trail.
TRAILS: tuple[Callable[..., object], ...] = (audit, ledger.note)


# A reason that is a fact and no override: why goods were short (the ledger of stock keeps who found it), why somebody
# called (the contact's row is the record).
FACTS = frozenset({"/staff/pick-lists/{list_id}/shorts", "/staff/contacts"})


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def compared_by_value(source: tree.Source) -> Iterator[str]:
    """Name the comparisons of secrets that take longer the more of them is right."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], _COMPARING):
            continue
        operands = (node.left, *node.comparators)
        is_length_or_none = any(isinstance(operand, ast.Constant) for operand in operands)
        if not is_length_or_none and any(_SECRET.search(_name(operand)) for operand in operands):
            yield f"{source.path}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.security(4, 9)
def test_secrets_are_compared_in_constant_time() -> None:
    product = [source for source in tree.sources() if source.within("services", "shared")]

    assert [found for source in product for found in compared_by_value(source)] == []


@pytest.mark.security(4, 9)
@pytest.mark.parametrize("line", ["signature == given", "given != self.secret", "row.token in tokens", "csrf == sent"])
def test_a_secret_that_is_compared_by_value_is_found(line: str) -> None:
    assert list(compared_by_value(tree.Source("services/x.py", f"ok = {line}")))


def _called(function: FunctionType) -> Iterator[object]:
    """Give what a function's text calls, as far as names lead."""
    body = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(body):
        if isinstance(node, ast.Name):
            yield function.__globals__.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            around = function.__globals__.get(node.value.id)
            if isinstance(around, ModuleType):
                yield getattr(around, node.attr, None)


def leaves_a_trail(function: Callable[..., object], depth: int = 0) -> bool:
    """Say whether a door's action comes to write an audit row."""
    if function in TRAILS:
        return True
    if depth > _DEEP or not isinstance(function, FunctionType):
        return False
    if not function.__module__.startswith(("services.", "shared.")):
        return False
    return any(leaves_a_trail(inner, depth + 1) for inner in _called(function) if isinstance(inner, FunctionType))


def overrides(found: list[Entry]) -> list[Entry]:
    """Give the routes at which staff must say why."""

    def asks_why(entry: Entry) -> bool:
        bodies = [field.field_info.annotation for field in entry.dependant.body_params]
        fields = {name: field for body in bodies for name, field in getattr(body, "model_fields", {}).items()}
        return any(name in fields and fields[name].is_required() for name in ("reason", "note", "resolution"))

    return [entry for entry in found if entry.path.startswith("/staff") and entry.path not in FACTS and asks_why(entry)]


@pytest.mark.security(14)
@pytest.mark.parametrize("name", SERVICES)
def test_every_override_leaves_an_audit_row(name: str) -> None:
    found = overrides(service_routes(name))

    silent = [f"{sorted(one.methods)} {one.path}" for one in found if not leaves_a_trail(_endpoint(one))]
    assert len(found) > 2
    assert silent == []


def _endpoint(entry: Entry) -> Callable[..., object]:
    assert entry.dependant.call is not None
    return entry.dependant.call


@pytest.mark.security(14)
def test_an_override_that_leaves_no_trail_is_found() -> None:
    async def act(reason: str) -> str:
        return ast.unparse(ast.parse(reason))

    assert not leaves_a_trail(act)

"""Apache Kafka proves what the embedded broker proves: every stack of a test can run on it, and `make` runs them."""

import ast
import re

import pytest

from tests.house_rules import tree

# These are about the embedded broker itself, or start no stack.
_EMBEDDED_ONLY = frozenset({"tests/deploy/test_broker_death.py", "tests/deploy/test_site.py", "tests/deploy/homes.py"})
_FAULTS_OF_MESSAGES = re.compile(r"F(?:[1-7]|11|12|13|15|16|18|19|24):")
_FAULTS = range(1, 25)


def _calls_without_a_broker(source: tree.Source) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Options"
        and "broker" not in {keyword.arg for keyword in node.keywords}
    ]


def _tests(source: tree.Source) -> list[ast.AsyncFunctionDef | ast.FunctionDef]:
    return [
        node
        for node in source.tree.body
        if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) and node.name.startswith("test_")
    ]


def _is_marked(test: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    return any(ast.unparse(mark) == "pytest.mark.broker" for mark in test.decorator_list)


def _of_tests() -> list[tree.Source]:
    return [source for source in tree.sources() if source.within("tests")]


def test_every_stack_of_a_test_runs_on_the_broker_that_was_chosen() -> None:
    stuck = {
        source.path: _calls_without_a_broker(source) for source in _of_tests() if source.path not in _EMBEDDED_ONLY
    }

    assert {path: lines for path, lines in stuck.items() if lines} == {}


def test_a_stack_that_names_no_broker_is_found() -> None:
    assert _calls_without_a_broker(tree.Source("x.py", "Options(throwaway=True)")) == [1]
    assert _calls_without_a_broker(tree.Source("x.py", "Options(broker=BROKER)")) == []


def test_the_faults_of_messages_are_marked_for_both_brokers() -> None:
    faults = {
        test.name: _is_marked(test)
        for source in _of_tests()
        for test in _tests(source)
        if _FAULTS_OF_MESSAGES.match(ast.get_docstring(test) or "")
    }

    assert len(faults) >= 20
    assert [name for name, marked in faults.items() if not marked] == []


def test_every_fault_of_the_promise_has_a_line_in_the_table() -> None:
    sources = [source for source in _of_tests() if source.path.startswith("tests/faults/")]
    told = [ast.get_docstring(test) or "" for source in sources for test in _tests(source)]

    assert [number for number in _FAULTS if not any(text.startswith(f"F{number}:") for text in told)] == []


@pytest.mark.parametrize(
    "path", [source.path for source in _of_tests() if any(_is_marked(test) for test in _tests(source))]
)
def test_make_runs_every_file_of_tests_marked_for_both_brokers(path: str) -> None:
    makefile = (tree.ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    listed = re.search(r"^KAFKA_TESTS = (.*)$", makefile, re.MULTILINE)

    assert listed is not None
    assert any(path == entry or path.startswith(f"{entry}/") for entry in listed[1].split())

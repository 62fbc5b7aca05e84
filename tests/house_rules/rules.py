"""The house rules as pure functions: one file in, the sentences that say what is wrong with it out."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator

from tests.house_rules.tree import PRODUCT, Source

MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 400

Rule = Callable[[Source], Iterator[str]]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users|tmp)/[\w.]")
_REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|--(?:extra-)?index-url|--find[-]links|registry\.npmjs|repo\d?\.maven|proxy\.golang",
    re.IGNORECASE,
)
_LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
_SAY_NOTHING = {"utils", "util", "helper", "helpers", "manager", "managers", "info", "common", "misc", "data"}
_ENDS = {"commit", "begin_nested"}
_COMMITTERS = {"shared/db.py", "shared/consumer.py", "shared/kafka.py", "shared/migrate.py"}
_CLOCK_READS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}


def _at(source: Source, node: ast.expr | ast.stmt, what: str) -> str:
    return f"{source.path}:{node.lineno}: {what}"


def _functions(tree: ast.Module) -> Iterator[FunctionNode]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _dotted(node: ast.expr) -> str:
    """The name that an expression spells, such as `pytest.mark.skip`; empty when it spells none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        prefix = _dotted(node.value)
        return f"{prefix}.{node.attr}" if prefix else node.attr
    return ""


def _is_migration(source: Source) -> bool:
    return "/migrations/versions/" in source.path


def functions_are_short(source: Source) -> Iterator[str]:
    """A function fits on a screen: at most 40 lines from `def` to its end, docstring included."""
    for function in _functions(source.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            yield _at(
                source,
                function,
                f"{function.name} has {lines} lines, at most {MAX_FUNCTION_LINES} are allowed",
            )


def files_are_short(source: Source) -> Iterator[str]:
    """A file has at most 400 lines; one that outgrows them becomes a package split by domain noun."""
    lines = len(source.text.splitlines())
    if lines > MAX_FILE_LINES:
        yield f"{source.path}: {lines} lines, at most {MAX_FILE_LINES} are allowed"


def modules_say_what_they_are(source: Source) -> Iterator[str]:
    """Every module that holds anything starts with a docstring."""
    if source.tree.body and not ast.get_docstring(source.tree):
        yield f"{source.path}: the module has no docstring"


def public_names_are_documented(source: Source) -> Iterator[str]:
    """Public functions and classes of the services and of the shared plumbing have docstrings."""
    if not source.within("services", "shared") or _is_migration(source):
        return
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            is_public = not node.name.startswith("_")
            if is_public and not ast.get_docstring(node):
                yield _at(source, node, f"{node.name} has no docstring")


def http_errors_stay_at_the_door(source: Source) -> Iterator[str]:
    """In a service only the HTTP door may name HTTPException: actions raise domain errors."""
    if not source.within("services") or re.match(r"services/\w+/(?:api(?:/|\.py)|app\.py)", source.path):
        return
    for node in ast.walk(source.tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name == "HTTPException" and isinstance(node, ast.expr):
            yield _at(source, node, "HTTPException away from the HTTP door: raise a domain error")


def only_db_commits(source: Source) -> Iterator[str]:
    """Transactions end in shared/db.py alone; the consumer commits offsets, which are not a transaction."""
    if not source.within(*PRODUCT) or source.path in _COMMITTERS:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ENDS:
            yield _at(source, node, f"{_dotted(node.func)}(): only shared.db commits or makes savepoints")


def only_the_clock_reads_the_time(source: Source) -> Iterator[str]:
    """Everybody asks shared.clock for the time, or a stepped run would mix two clocks."""
    if source.path == "shared/clock.py":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            owner = _dotted(node.value).rsplit(".", 1)[-1]
            if (owner, node.attr) in _CLOCK_READS:
                yield _at(source, node, f"{owner}.{node.attr} outside shared/clock.py: use shared.clock")


def names_say_something(source: Source) -> Iterator[str]:
    """A module's name comes from the trade, never from the attic."""
    stem = source.path.rsplit("/", 1)[-1].removesuffix(".py")
    if stem in _SAY_NOTHING or stem.rsplit("_", 1)[-1] in _SAY_NOTHING:
        yield f"{source.path}: the name {stem!r} says nothing about the trade"


def nothing_is_left_over(source: Source) -> Iterator[str]:
    """No marker of unfinished work stays in a comment."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        found = _LEFTOVER.search(token.string) if token.type == tokenize.COMMENT else None
        if found:
            yield f"{source.path}:{token.start[0]}: {found.group()} left in a comment"


def _gives_reason(call: ast.Call) -> bool:
    named = [keyword.value for keyword in call.keywords if keyword.arg in {"reason", "msg"}]
    positional = call.args if _dotted(call.func) in {"pytest.skip", "pytest.xfail"} else []
    return any(not (isinstance(given, ast.Constant) and not given.value) for given in [*named, *positional])


def skips_have_reasons(source: Source) -> Iterator[str]:
    """A test that is skipped or expected to fail says why."""
    called = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            called.add(id(node.func))
            if _skips(name) and not _gives_reason(node):
                yield _at(source, node, f"{name} without a reason")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and id(node) not in called and _skips(_dotted(node)):
            yield _at(source, node, f"{_dotted(node)} without a reason")


def _skips(name: str) -> bool:
    return bool(re.fullmatch(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail)", name))


def no_machine_is_named(source: Source) -> Iterator[str]:
    """No path of one developer's machine and no address of a package registry stays in a file."""
    for number, line in enumerate(source.text.splitlines(), start=1):
        for pattern, what in (
            (_MACHINE_PATH, "a path of one machine"),
            (_REGISTRY, "a package registry's address"),
        ):
            found = pattern.search(line)
            if found:
                yield f"{source.path}:{number}: {what}: {line.strip()[:80]}"


CODE_RULES: tuple[Rule, ...] = (
    functions_are_short,
    files_are_short,
    modules_say_what_they_are,
    public_names_are_documented,
    http_errors_stay_at_the_door,
    only_db_commits,
    only_the_clock_reads_the_time,
    names_say_something,
    nothing_is_left_over,
    skips_have_reasons,
)
TEXT_RULES: tuple[Rule, ...] = (no_machine_is_named,)

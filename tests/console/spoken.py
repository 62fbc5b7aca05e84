"""What is said to customers: every sentence of their pages, of the reply to a caller, and of care's messages."""

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import meta, nodes

from services import care, console
from services.console.rendering import environment
from services.orders.queries.views import NEXT

_CONSOLE, _CARE = (Path(service.__path__[0]) for service in (console, care))
_PAGES = ("status.html", "status_find.html", "status_problem.html", "parts/status_live.html", "parts/problem.html")
_REPLY = "parts/order_reply.txt"
_MODULES = ("actions/answers.py", "actions/progress.py", "actions/status.py", "api/apologies.py", "api/track.py")
_NO_WORDS = frozenset({"ok", "warn", "bad", "info", "", " ", "_", "Retry-After"})


def sentences_of_the_console() -> set[str]:
    """Give all that its pages and replies may say; what comes next is said by orders."""
    said = {text for template in _templates() for text in _of_template(template)}
    said |= {text for module in _MODULES for text in _of_module(_CONSOLE / module)}
    said |= {what for _, what in NEXT}
    return (said | set(_said_in(_CONSOLE / "rendering.py"))) - _NO_WORDS


def sentences_of_care() -> set[str]:
    """Give all that messages may say."""
    return set(_of_module(_CARE / "channels" / "wording.py")) - _NO_WORDS


def _templates() -> set[str]:
    found, todo = set[str](), {*_PAGES, _REPLY}
    while todo:
        name = todo.pop()
        found.add(name)
        referenced = meta.find_referenced_templates(environment().parse(_source(name)))
        todo |= {one for one in referenced if one is not None} - found
    return found


def _source(name: str) -> str:
    return (_CONSOLE / "templates" / name).read_text(encoding="utf-8")


def _of_template(name: str) -> Iterator[str]:
    for call in environment().parse(_source(name)).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "_":
            yield from _texts(call.args[0])


def _texts(expression: nodes.Node) -> Iterator[str]:
    """Give the texts that an expression may be; what comes from Python is found there."""
    if isinstance(expression, nodes.Const) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, nodes.CondExpr):
        yield from _texts(expression.expr1)
        yield from _texts(expression.expr2 or nodes.Const(""))


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def _of_module(module: Path) -> Iterator[str]:
    """Give what reads like words: all values of tables, and texts that have a space or begin with a capital letter."""
    tree = _tree(module)
    silent = {
        id(part)
        for node in ast.walk(tree)
        for part in ast.walk(node)
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))  # what a thing is
        or isinstance(node, ast.JoinedStr)  # put together of what was said
        or (isinstance(node, ast.Call) and "Error" in ast.unparse(node.func))  # told to nobody, unless it is said
        or (isinstance(node, ast.Compare) and part is not node)
    }
    told = {id(part) for table in ast.walk(tree) if isinstance(table, ast.Dict) for part in _values(table)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            text = node.value
            if id(node) in told or " " in text or text[:1].isupper():
                yield text
    yield from _said_in(module)


def _values(table: ast.Dict) -> Iterator[ast.AST]:
    for value in table.values:
        yield value
        if isinstance(value, ast.Tuple):
            yield from value.elts


def _said_in(module: Path) -> Iterator[str]:
    for call in ast.walk(_tree(module)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "say":
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value

"""How the command line prints: tables and sentences for people, JSON for programs."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import JsonValue
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

# Whatever reads a pipe finds one row on one line.
_PIPED_COLUMNS = 400
out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_COLUMNS)
err = Console(stderr=True, highlight=False)


@dataclass
class Manner:
    """How the running command was asked to answer; errors read it, since they have no option of their own."""

    json: bool = False


manner = Manner()
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")
Column = tuple[str, str]
Columns = Sequence[Column]
Row = Mapping[str, JsonValue]


def as_json(value: object) -> None:
    """Print `value` as indented JSON, and nothing else."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str) + b"\n")
    sys.stdout.flush()


def rows(value: JsonValue, columns: Columns, *, json: bool, empty: str = "nothing found") -> None:
    """Print a list (or a page with `data`) as a table of (heading, dotted path) columns."""
    if json:
        as_json(value)
        return
    listed = list_of(value)
    if not listed:
        out.print(f"[dim]{empty}[/dim]")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, _ in columns:
        table.add_column(heading, overflow="fold")
    for row in listed:
        table.add_row(*(escape(cell(at(row, path))) for _, path in columns))
    out.print(table)
    if isinstance(value, Mapping) and value.get("next_cursor"):
        out.print(f"[dim]more: --cursor {value['next_cursor']}[/dim]")


def facts(value: JsonValue, *, json: bool, title: str = "") -> None:
    """Print one thing with everything in it, nested as it is."""
    if json:
        as_json(value)
        return
    tree = Tree(f"[bold]{escape(title)}[/bold]" if title else "", hide_root=not title, guide_style="dim")
    _grow(tree, value)
    out.print(tree)


def done(value: JsonValue, sentence: str, *, json: bool) -> None:
    """Print the sentence that says what was done, or the service's whole answer as JSON."""
    if json:
        as_json(value)
    else:
        out.print(escape(sentence))


def list_of(value: JsonValue) -> list[dict[str, JsonValue]]:
    """The rows of a page or of a plain list."""
    listed = value.get("data", []) if isinstance(value, dict) else value
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def at(row: JsonValue, path: str) -> JsonValue:
    """What lies at a dotted path in `row`, None where it ends early."""
    value = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def named(value: JsonValue, path: str) -> str:
    """What lies at a dotted path of an answer, as text for a sentence."""
    return cell(at(value, path)) if isinstance(value, dict) else "-"


def cell(value: JsonValue) -> str:
    """One value as a table's cell: money as decimals, UTC times to the second, lists by commas, nothing as a dash."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return money(value) or ", ".join(f"{key} {cell(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(cell(part) for part in value)
    return _MOMENT.sub(r"\1 \2", str(value))


def money(value: Mapping[str, JsonValue]) -> str:
    """An amount in minor units with its currency, as people write it; empty when it is not money."""
    amount, currency = value.get("amount"), value.get("currency")
    if set(value) != {"amount", "currency"} or not isinstance(amount, int) or not isinstance(currency, str):
        return ""
    digits = 0 if currency in {"JPY", "KRW", "CLP", "VND"} else 2
    return f"{amount / 10**digits:.{digits}f} {currency}"


def _grow(tree: Tree, value: JsonValue) -> None:
    pairs: Iterable[tuple[str, JsonValue]]
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = ((str(number), part) for number, part in enumerate(value, start=1))
    else:
        tree.add(escape(cell(value)))
        return
    for name, part in pairs:
        nested = isinstance(part, dict) and part and not money(part)
        listed = isinstance(part, list) and any(isinstance(one, dict | list) for one in part)
        if nested or listed:
            _grow(tree.add(f"[cyan]{escape(name)}[/cyan]"), part)
        else:
            tree.add(f"[cyan]{escape(name)}[/cyan] {escape(cell(part))}")

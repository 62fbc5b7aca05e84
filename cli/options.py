"""Options that many commands share."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import JsonValue

from cli import show


def _remember(asked: bool) -> bool:
    show.manner.json = asked
    return asked


Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.", callback=_remember)]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit trail.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="At most this many.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where the last page ended.")]


def aware(moment: datetime) -> datetime:
    """Take a moment that names no zone for UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def group(sentence: str) -> typer.Typer:
    """Make a group of commands."""
    return typer.Typer(no_args_is_help=True, help=sentence)


def json_file(path: Path) -> JsonValue:
    """Read a JSON file, or standard input for `-`; raises BadParameter saying where it is no JSON."""
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        parsed: JsonValue = orjson.loads(raw)
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"{path} is no JSON: {error}") from error
    return parsed

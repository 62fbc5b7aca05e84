"""Options that many commands share."""

from typing import Annotated

import typer

from cli import show


def _remember(asked: bool) -> bool:
    show.manner.json = asked
    return asked


Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.", callback=_remember)]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit trail.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="At most this many.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where the last page ended.")]


def group(sentence: str) -> typer.Typer:
    """Make a group of commands."""
    return typer.Typer(no_args_is_help=True, help=sentence)

"""`doorstep demo`: starts a fresh stack, runs the demonstration, shows what came of it, and leaves it running."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from cli import show
from cli.demo.report import Summary
from cli.demo.report import show as show_summary
from cli.demo.screen import Screen
from cli.demo.stage import Stage
from cli.options import Json
from deploy.local import __main__ as local
from deploy.local import control
from deploy.local.errors import StackError
from deploy.local.state import Record
from deploy.local.wish import Wish, default_options

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # a Monday, an hour before the first order
_MARK = "demo.json"  # a home with it may be thrown away by the next run
_FAILED = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a run."""

    orders: int
    seed: str
    home: Path
    port_base: int | None
    stop: bool


def demo(  # noqa: PLR0913, PLR0917 - one option each
    orders: Annotated[int, typer.Option(min=1, max=5000, help="How many orders are placed.")] = 300,
    seed: Annotated[str, typer.Option(help="Another seed, another story.")] = "doorstep",
    port_base: Annotated[int | None, typer.Option(help="Move all ports.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the summary as JSON to this file too.")] = None,
    check_outcome: Annotated[bool, typer.Option("--assert", help="Exit with 1 when something is not right.")] = True,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the stack at the end.")] = False,
    as_json: Json = False,
) -> None:
    """Watch hundreds of orders go from a storefront's POST to the doorstep, in stepped business time."""
    console = Console(stderr=as_json)
    wanted = Wanted(orders, seed, control.default_home(), port_base, stop)
    try:
        record = _start_afresh(wanted, console)
    except StackError as error:
        Console(stderr=True).print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(_FAILED) from error
    summary = asyncio.run(_perform(wanted, record, console))
    if as_json:
        show.as_json(summary.as_json())
    else:
        tell(summary, record, console)
    if report is not None:
        report.write_text(json.dumps(summary.as_json(), indent=2) + "\n")
    if stop:
        control.down(wanted.home)
    if summary.failures and check_outcome:
        raise typer.Exit(_FAILED)


def _start_afresh(wanted: Wanted, console: Console) -> Record:
    """Throw an earlier demonstration away and start an empty stack; raises StackError for a home with other data."""
    home = wanted.home
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise StackError(f"{home} holds a stack of your own: name another home (DOORSTEP_HOME), or run: make reset")
    control.reset(home)
    home.mkdir(parents=True)
    (home / _MARK).write_text(json.dumps({"orders": wanted.orders, "seed": wanted.seed}))
    options = replace(default_options(), environment={"SIMULATOR_SEED": wanted.seed})
    with console.status("starting") as shown:
        record, _ = control.up(home, Wish(wanted.port_base, BEGIN.isoformat(), options), shown.update)
    return record


async def _perform(wanted: Wanted, record: Record, console: Console) -> Summary:
    screen = Screen(wanted.orders, console)
    stage = Stage(record, wanted.seed, wanted.orders, BEGIN, screen.update)
    picture = Live(screen, console=console, refresh_per_second=4) if console.is_terminal else contextlib.nullcontext()
    with picture:
        return await stage.play()


def tell(summary: Summary, record: Record, console: Console) -> None:
    """Print what came of it, and last where the console is and who may sign in there."""
    show_summary(summary, console, _explore(record))
    local.show_sign_ins(record, console)


def _explore(record: Record) -> Mapping[str, str]:
    return {name.removesuffix("-api"): url for name, url in record.urls.items() if name.endswith("-api")}

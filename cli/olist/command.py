"""`doorstep replay-orders`: recorded orders through the running services, and what came of them."""

import asyncio
import signal
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from cli.bots.door import Refused
from cli.olist import rows, suite
from cli.olist.dock import Stuck
from cli.olist.plan import plan
from cli.olist.report import Report, show, title_of, write
from cli.olist.report import as_json as as_object
from cli.olist.screen import Screen
from cli.olist.slots import Slots, parse_step
from cli.olist.stage import Stage, Wanted
from cli.options import Json
from cli.show import as_json as print_json
from deploy.local.driver import RestlessError
from deploy.local.errors import StackError
from shared.errors import ConfigurationError

_BEFORE = timedelta(hours=2)
_FAILED = 1
_USAGE = 2


class Source(StrEnum):
    """Whose recorded orders."""

    OLIST = "olist"


class StockMode(StrEnum):
    """How much stock is received."""

    JUST_ENOUGH = "just-enough"
    AMPLE = "ample"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the suite runs: a running one, or one of our own in a home that is thrown away first."""

    running: Path | None
    home: Path


def replay_orders(  # noqa: PLR0913, PLR0917 - one option each
    source: Annotated[Source, typer.Argument(help="Whose orders: olist.")],
    directory: Annotated[Path, typer.Argument(help="Where the data set lies; it is only read.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many orders by purchase time.")] = None,
    step: Annotated[str, typer.Option(help="The longest step of business time: 30m, 1h, 1d.")] = "1h",
    stock: Annotated[
        StockMode, typer.Option(help="Receive what each order lacks just before it is placed, or plenty at the start.")
    ] = StockMode.JUST_ENOUGH,
    stack: Annotated[Path | None, typer.Option(help="Use the fresh, stepped stack that runs in this home.")] = None,
    own_home: Annotated[Path, typer.Option(help="Where a stack of its own is made anew.")] = suite.DEFAULT_HOME,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write the report as JSON to this file too.")
    ] = None,
    check_outcome: Annotated[bool, typer.Option("--assert", help="Exit with 1 when an expectation fails.")] = False,
    as_json: Json = False,
) -> None:
    """Replay real orders through the running services in stepped business time."""
    console = Console(stderr=as_json)
    try:
        wanted = _wanted(directory, limit, step, stock)
        console.print(f"{source}: {title_of(wanted.plans)}, step {step}, stock {stock}", highlight=False)
        report = asyncio.run(_perform(wanted, Place(stack, own_home.resolve()), console))
    except (ConfigurationError, ValueError) as error:
        _fail(str(error), _USAGE)
    except asyncio.CancelledError:
        _fail("stopped before the end", _FAILED)
    except (StackError, RestlessError, Stuck, Refused, ConnectionError) as error:
        _fail(f"{type(error).__name__}: {error}", _FAILED)
    if as_json:
        print_json(as_object(report))
    else:
        show(report, console)
    if report_file is not None:
        write(report, report_file)
    _conclude(report, console, must_hold=check_outcome)


def _conclude(report: Report, console: Console, *, must_hold: bool) -> None:
    failures = report.failures()
    for failure in failures:
        console.print(f"[red]✗[/red] {escape(failure)}", highlight=False)
    if not failures:
        console.print("[green]✓ every expectation holds[/green]")
    elif must_hold:
        raise typer.Exit(_FAILED)


def _fail(message: str, status: int) -> NoReturn:
    Console(stderr=True).print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(status)


def _wanted(directory: Path, limit: int | None, step: str, stock: StockMode) -> Wanted:
    recorded = rows.read(directory, limit)
    plans = {purchase.reference: plan(purchase) for purchase in recorded.purchases}
    if not plans:
        raise ConfigurationError(f"{directory} has no orders")
    return Wanted(plans, dict(recorded.products), Slots(parse_step(step)), stock.value)


async def _perform(wanted: Wanted, place: Place, console: Console) -> Report:
    """Replay, and stop the stack of our own also when told to end before."""
    replaying = asyncio.current_task()
    if replaying is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, replaying.cancel)
    first = min(plan.purchase.purchased_at for plan in wanted.plans.values())
    begin = wanted.slots.end_of(first - _BEFORE)
    screen = Screen(wanted)
    if place.running is not None:
        with Live(screen, console=console, refresh_per_second=4):
            return await Stage(suite.running(place.running.resolve(), first), wanted, screen.update).play()
    with Live(screen, console=console, refresh_per_second=4):
        async with suite.own(place.home, begin, screen.say) as running:
            return await Stage(running, wanted, screen.update).play()

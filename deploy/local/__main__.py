"""The embedded stack by command: python -m deploy.local up|down|reset|status|supervise."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import control, names, state
from deploy.local.errors import StackError
from deploy.local.state import Record
from deploy.local.wish import Wish, default_options

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run all of Doorstep on this machine.")
console = Console()
_Result = TypeVar("_Result")

Home = Annotated[Path | None, typer.Option(help=f"Where everything is kept (environment: {names.HOME}).")]
PortBase = Annotated[int | None, typer.Option(help="Move all ports: orders at +1, inventory +2, and so on.")]
Stepped = Annotated[str | None, typer.Option(help="Let business time begin here and be stepped by a driver.")]
Without = Annotated[list[str] | None, typer.Option(help="Leave this out: simulator, console.")]
Services = Annotated[str, typer.Option(help="Which services, separated by commas.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
_ALL = ",".join(names.SERVICES)


@app.command()
def up(
    home: Home = None,
    port_base: PortBase = None,
    stepped_clock: Stepped = None,
    without: Without = None,
    services: Services = _ALL,
    as_json: Json = False,
) -> None:
    """Start everything in the background, wait until it is ready, and say where it is."""
    wish = _wish(port_base, stepped_clock, without or [], services)
    if as_json:
        record, was_running = _or_exit(lambda: control.up(_home(home), wish, lambda _: None))
        console.print_json(json.dumps({"ready": True, "was_running": was_running, "urls": record.urls}))
        return
    with console.status("starting") as shown:
        record, was_running = _or_exit(lambda: control.up(_home(home), wish, shown.update))
    console.print("already running" if was_running else "ready", style="bold green")
    show(record)


@app.command()
def supervise(
    home: Home = None,
    port_base: PortBase = None,
    stepped_clock: Stepped = None,
    without: Without = None,
    services: Services = _ALL,
) -> None:
    """Run everything in the foreground until Ctrl-C; what dies is restarted."""
    wish = _wish(port_base, stepped_clock, without or [], services)
    _or_exit(lambda: control.supervise(_home(home), wish))


@app.command()
def down(home: Home = None, as_json: Json = False) -> None:
    """Stop everything; what was kept stays for the next start."""
    stopped = _or_exit(lambda: control.down(_home(home)))
    if as_json:
        console.print_json(json.dumps({"stopped": stopped}))
        return
    console.print(f"stopped {len(stopped)} processes" if stopped else "nothing was running")


@app.command()
def reset(home: Home = None, as_json: Json = False) -> None:
    """Stop everything and delete all data, keys and logs of the home."""
    place = _home(home)
    _or_exit(lambda: control.reset(place))
    if as_json:
        console.print_json(json.dumps({"deleted": str(place)}))
        return
    console.print(f"{place} is gone")


@app.command()
def status(home: Home = None, as_json: Json = False) -> None:
    """Say what runs; exits with 1 unless everything does."""
    place = _home(home)
    running = control.status(place)
    record = state.read(place)
    ready = record is not None and record.ready and bool(running) and all(running.values())
    if as_json:
        console.print_json(json.dumps({"ready": ready, "processes": running}))
    elif record is None or not any(running.values()):
        console.print("nothing is running")
    else:
        show(record)
    raise typer.Exit(0 if ready else 1)


def show(record: Record) -> None:
    """Print what runs where."""
    table = Table("process", "state", "pid", "address")
    for name, mark in sorted(record.processes.items()):
        address = record.urls.get(name) or f"127.0.0.1:{record.ports[name]}"
        table.add_row(name, "runs" if mark.is_alive() else "[red]down[/red]", str(mark.pid), address)
    console.print(table)
    console.print(f"staff key: {record.staff_key}\nmail: {record.mail}", highlight=False, soft_wrap=True)
    show_sign_ins(record)


def show_sign_ins(record: Record, to: Console = console) -> None:
    """Print where the console is and who may sign in to it."""
    if not record.sign_ins:
        return
    people = json.loads(Path(record.sign_ins).read_text(encoding="utf-8"))
    table = Table("sign in as", "password", title=f"console: {record.urls[names.CONSOLE]}", title_justify="left")
    for person in people:
        table.add_row(person["login"], person["password"])
    to.print(table)


def _home(chosen: Path | None) -> Path:
    return chosen.resolve() if chosen is not None else control.default_home()


def _wish(port_base: int | None, stepped_clock: str | None, without: list[str], services: str) -> Wish:
    unknown = [name for name in without if name not in {names.SIMULATOR, names.CONSOLE}]
    unknown += [name for name in services.split(",") if name not in names.SERVICES]
    if unknown:
        _fail(f"unknown: {', '.join(unknown)}; services are {_ALL}, simulator and console may be left out")
    options = replace(
        default_options(),
        simulator=names.SIMULATOR not in without,
        console=names.CONSOLE not in without,
        services=tuple(services.split(",")),
    )
    return Wish(port_base, stepped_clock, options)


def _or_exit(act: Callable[[], _Result]) -> _Result:
    try:
        return act()
    except StackError as error:
        _fail(str(error))
        raise


def _fail(message: str) -> None:
    Console(stderr=True).print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()

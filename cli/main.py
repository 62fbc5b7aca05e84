"""`doorstep`: start, use, watch and repair the suite."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import cases, keys, messages, shipments, stock, switches
from deploy.local import __main__ as local
from deploy.local import names

app = typer.Typer(
    name="doorstep",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Doorstep: orders travel from placed to delivered, and delay and damage reach care first.",
)


@app.callback()
def where(
    home: Annotated[
        Path | None, typer.Option(help=f"The stack to speak to (environment: {names.HOME}; else .doorstep).")
    ] = None,
) -> None:
    """Say which home the command is about."""
    if home is not None:
        os.environ[names.HOME] = str(home.resolve())


app.command(rich_help_panel="The stack")(local.up)
app.command(rich_help_panel="The stack")(local.down)
app.command(rich_help_panel="The stack")(local.status)
app.command(rich_help_panel="The stack")(local.reset)
app.command(rich_help_panel="Operations")(switches.pause)
app.command(rich_help_panel="Operations")(switches.resume)
app.command(rich_help_panel="Operations")(switches.pauses)
app.command(rich_help_panel="Operations")(messages.replay)
app.add_typer(stock.stock, name="stock", rich_help_panel="The work")
app.add_typer(shipments.shipments, name="shipments", rich_help_panel="The work")
app.add_typer(cases.cases, name="cases", rich_help_panel="The work")
app.add_typer(cases.remedies, name="remedies", rich_help_panel="The work")
app.command(rich_help_panel="The work")(cases.report)
app.add_typer(keys.keys, name="keys", rich_help_panel="Operations")
app.add_typer(messages.parked, name="parked", rich_help_panel="Operations")
app.add_typer(messages.dead_letters, name="dead-letters", rich_help_panel="Operations")
app.add_typer(messages.topics, name="topics", rich_help_panel="Operations")

if __name__ == "__main__":
    app()

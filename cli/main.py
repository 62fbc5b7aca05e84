"""`doorstep`: start, use, watch and repair the suite."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import (
    callers,
    cases,
    customers,
    databases,
    inbounds,
    keys,
    messages,
    orders,
    parcels,
    picks,
    privacy,
    shipments,
    stock,
    switches,
)
from cli.check.command import check
from cli.demo.command import demo
from cli.olist.command import replay_orders
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


STACK, WORK, OPERATIONS = "The stack", "The work", "Operations"

app.command(rich_help_panel=STACK)(demo)
app.command(rich_help_panel=STACK)(replay_orders)
app.command(rich_help_panel=STACK)(local.up)
app.command(rich_help_panel=STACK)(local.down)
app.command(rich_help_panel=STACK)(local.status)
app.command(rich_help_panel=STACK)(local.reset)
app.command(rich_help_panel=STACK)(databases.migrate)
app.add_typer(orders.orders, name="orders", rich_help_panel=WORK)
app.add_typer(callers.callers, name="callers", rich_help_panel=WORK)
app.add_typer(stock.stock, name="stock", rich_help_panel=WORK)
app.add_typer(inbounds.inbounds, name="inbounds", rich_help_panel=WORK)
app.add_typer(picks.picks, name="picks", rich_help_panel=WORK)
app.add_typer(parcels.parcels, name="parcels", rich_help_panel=WORK)
app.add_typer(shipments.shipments, name="shipments", rich_help_panel=WORK)
app.add_typer(cases.cases, name="cases", rich_help_panel=WORK)
app.add_typer(cases.remedies, name="remedies", rich_help_panel=WORK)
app.add_typer(customers.consents, name="consents", rich_help_panel=WORK)
app.add_typer(customers.contacts, name="contacts", rich_help_panel=WORK)
app.add_typer(customers.told, name="messages", rich_help_panel=WORK)
app.add_typer(customers.evidence, name="evidence", rich_help_panel=WORK)
app.add_typer(customers.incidents, name="incidents", rich_help_panel=WORK)
app.command(rich_help_panel=WORK)(cases.report)
app.command(rich_help_panel=WORK)(customers.overview)
app.add_typer(keys.keys, name="keys", rich_help_panel=OPERATIONS)
app.add_typer(privacy.privacy, name="privacy", rich_help_panel=OPERATIONS)
app.command(rich_help_panel=OPERATIONS)(check)
app.command(rich_help_panel=OPERATIONS)(messages.overdue)
app.command(rich_help_panel=OPERATIONS)(switches.pause)
app.command(rich_help_panel=OPERATIONS)(switches.resume)
app.command(rich_help_panel=OPERATIONS)(switches.pauses)
app.add_typer(messages.parked, name="parked", rich_help_panel=OPERATIONS)
app.add_typer(messages.dead_letters, name="dead-letters", rich_help_panel=OPERATIONS)
app.command(rich_help_panel=OPERATIONS)(messages.replay)
app.command(rich_help_panel=OPERATIONS)(messages.vitals)
app.command(rich_help_panel=OPERATIONS)(messages.audit)
app.add_typer(messages.topics, name="topics", rich_help_panel=OPERATIONS)

if __name__ == "__main__":
    app()

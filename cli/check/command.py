"""The `doorstep check` command."""

import asyncio
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.markup import escape

from cli import client, show
from cli.check.findings import Report
from cli.check.repairs import Repair, propose
from cli.check.run import run
from cli.options import Json
from deploy.local import names, state
from shared import clock, db

_DIRTY = 1
_OLDEST = 5


def check(
    as_json: Json = False,
    most: Annotated[int, typer.Option(help="Show at most so many findings.")] = 50,
    repair_plan: Annotated[bool, typer.Option(help="Propose what may correct each finding; changes nothing.")] = False,
) -> None:
    """Verify every invariant over the running databases; exits with 1 and names the first divergent fact."""
    suite = client.found()
    missing = [names.readonly_database_url(service) for service in names.SERVICES if service not in suite.dsns]
    if missing:
        client.fail(
            f"the read-only connections are unknown: set {', '.join(missing)} "
            f"to postgresql://{names.READONLY_ROLE}:PASSWORD@HOST:PORT/DATABASE",  # pragma: allowlist secret
            client.UNREACHABLE,
        )
    _use_business_time(suite.home)
    try:
        report = asyncio.run(run(suite.dsns, at_rest=False))
    except OSError as error:
        client.fail(f"a database cannot be reached: {error}", client.UNREACHABLE)
    except asyncpg.PostgresError as error:
        if not db.is_overtime(error):
            raise
        client.fail(f"a database ended the look, which took too long: {error}", client.UNREACHABLE)
    plan = [propose(finding) for finding in report.findings] if repair_plan else []
    if as_json:
        show.as_json(report.as_json() | ({"repairs": [repair.as_json() for repair in plan]} if repair_plan else {}))
    else:
        _print(report, most)
        for repair in plan[:most]:
            _print_repair(repair)
    raise typer.Exit(0 if report.is_clean else _DIRTY)


def _use_business_time(home: Path | None) -> None:
    record = state.read(home) if home is not None else None
    if record is not None and record.clock_file:
        clock.use_stepped_file(Path(record.clock_file), environment="local")


def _print(report: Report, most: int) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in report.checked.items())
    show.out.print(f"checked {counts}")
    if report.unsettled:
        show.out.print(f"[yellow]{len(report.unsettled)} streams are not settled yet; they were left out[/yellow]")
        for stream in report.unsettled[:_OLDEST]:
            show.out.print(f"  {escape(stream)}")
    for finding in report.findings[:most]:
        show.out.print(f"[red]✗[/red] {escape(str(finding))}")
    if report.is_clean:
        show.out.print("[green]✓ all invariants hold[/green]")
    else:
        show.out.print(f"[red]{len(report.findings)} findings[/red]")


def _print_repair(repair: Repair) -> None:
    show.out.print(f"\n{escape(repair.finding.subject)}: {escape(repair.advice)}")
    for command in repair.commands:
        show.out.print(f"  {escape(command)}", soft_wrap=True)

"""Runs all checks over one set of snapshots."""

from collections.abc import Mapping
from datetime import timedelta

from cli.check.accepted import check_accepted
from cli.check.books import Books
from cli.check.databases import connect
from cli.check.dwells import check_dwells
from cli.check.exceptions import check_exceptions
from cli.check.findings import Finding, Report
from cli.check.goods import check_goods
from cli.check.lines import check_lines
from cli.check.messages import check_messages, unread_since, unsettled_keys
from cli.check.remedies import check_remedies
from cli.check.stock import check_stock
from shared import clock

_COUNTED = {
    "orders": ("orders", "select count(*) from orders"),
    "order lines": ("orders", "select count(*) from order_line"),
    "stock rows": ("inventory", "select count(*) from stock"),
    "ledger rows": ("inventory", "select count(*) from ledger"),
    "parcels": ("inventory", "select count(*) from parcel"),
    "shipments": ("shipping", "select count(*) from shipment"),
    "exceptions": ("care", "select count(*) from exception"),
    "cases": ("care", "select count(*) from care_case"),
}


async def run(dsns: Mapping[str, str], *, at_rest: bool = True) -> Report:
    """Check every invariant; `dsns` are read-only connections by service. Raises OSError when one is away.

    A suite at rest has nothing under way: there, what is not settled is a finding as well.
    """
    async with connect(dsns) as databases:
        numbers = {row[0]: row[1] for row in await databases.rows("orders", "select id::text, number from orders")}
        books = Books(databases, await unsettled_keys(databases), numbers)
        findings = [
            *await check_accepted(books),
            *await check_stock(databases),
            *await check_lines(books),
            *await check_goods(books),
            *await check_exceptions(books),
            *await check_remedies(books),
            *await check_messages(books),
            *await check_dwells(books, clock.now()),
        ]
        if at_rest:
            findings.extend(await _under_way(books))
        checked = {
            name: int((await databases.rows(service, question))[0][0]) for name, (service, question) in _COUNTED.items()
        }
        notes = await _unsettled(books)
    return Report(sorted(findings, key=lambda finding: (finding.invariant, finding.subject)), checked, notes)


async def _unsettled(books: Books) -> list[str]:
    """Say of each stream that is not settled who has not read what, and for how long; the oldest first."""
    since, now = await unread_since(books.databases, books.unsettled), clock.real()
    oldest_first = sorted(books.unsettled, key=lambda key: (since.get(key, now), key))
    ages = {key: f", for {timedelta(seconds=round((now - at).total_seconds()))}" for key, at in since.items()}
    return [f"{books.name(key)}: {_reasons(books, key)}{ages.get(key, '')}" for key in oldest_first]


def _reasons(books: Books, key: str) -> str:
    return "; ".join(str(behind) for behind in books.unsettled[key])


async def _under_way(books: Books) -> list[Finding]:
    """Say of each stream that is not settled who has not read what."""
    findings: list[Finding] = []
    for key, behind in sorted(books.unsettled.items()):
        fact = await books.latest(behind[0].source, key)
        findings.append(Finding(7, f"stream {books.name(key)}", f"under way at rest: {_reasons(books, key)}", fact))
    return findings

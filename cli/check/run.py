"""Runs all checks over one set of snapshots."""

from collections.abc import Mapping

from cli.check.care import check_care, check_dwells
from cli.check.databases import connect
from cli.check.findings import Report
from cli.check.messages import check_messages, unsettled_keys
from cli.check.orders import check_orders
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


async def run(dsns: Mapping[str, str]) -> Report:
    """Check every invariant; `dsns` are read-only connections by service. Raises OSError when one is away."""
    async with connect(dsns) as databases:
        unsettled = await unsettled_keys(databases)
        findings = [
            *await check_orders(databases, unsettled),
            *await check_stock(databases),
            *await check_care(databases, unsettled),
            *await check_messages(databases),
            *await check_dwells(databases, clock.now()),
        ]
        checked = {
            name: int((await databases.rows(service, question))[0][0]) for name, (service, question) in _COUNTED.items()
        }
    notes = [f"{key}: {'; '.join(reasons)}" for key, reasons in sorted(unsettled.items())]
    return Report(sorted(findings, key=lambda finding: (finding.invariant, finding.subject)), checked, notes)

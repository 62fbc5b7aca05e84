"""How the orders that were due went, for those who lead."""

from datetime import datetime, timedelta

import asyncpg

from services.care.queries import overview as queries
from services.care.schemas.overview import KindCount, Outcomes, Overview
from shared.db import Transaction

_DEFAULT = timedelta(days=30)


async def look(
    tx: Transaction,
    since: datetime | None,
    until: datetime | None,
    location: str | None = None,
    carrier: str | None = None,
) -> Overview:
    """Give the leads' measures over what was due in [since, until), by default the last 30 days.

    With a location or a carrier, of the orders that ship from it or with it.
    """
    end = until or tx.now
    start = since or end - _DEFAULT
    of = queries.Narrowed(start, end, location, carrier)
    cuts = {
        cut: [_outcomes(row) for row in await queries.count_due(tx, cut, of)]
        for cut in ("total", "day", "warehouse", "carrier")
    }
    in_time, breached = await queries.count_clocks(tx, of)
    return Overview(
        since=start,
        until=end,
        total=cuts["total"][0] if cuts["total"] else None,
        days=cuts["day"],
        warehouses=cuts["warehouse"],
        carriers=cuts["carrier"],
        exceptions=[KindCount.model_validate(dict(row)) for row in await queries.count_exceptions(tx, of)],
        sla_in_time=in_time,
        sla_breached=breached,
        sla_rate=_rate(in_time, in_time + breached),
        formulas=dict(queries.FORMULAS),
    )


def _outcomes(row: asyncpg.Record) -> Outcomes:
    return Outcomes(
        **dict(row),
        otif_rate=_rate(row["otif"], row["due"]),
        perfect_rate=_rate(row["perfect"], row["delivered"]),
        kept_rate=_rate(row["kept"], row["kept"] + row["broken"]),
        on_time_rate=_rate(row["on_time"], row["delivered"]),
    )


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

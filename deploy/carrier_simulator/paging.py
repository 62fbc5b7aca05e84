"""Lists, newest first, before or after an id."""

import sqlite3
from typing import Literal

from deploy.carrier_simulator.errors import ParameterInvalidError
from deploy.carrier_simulator.schemas import Page
from deploy.carrier_simulator.store import Store, to_micros


def page_of(
    store: Store, table: Literal["shipment", "tracker", "event"], page: Page, where: str = "true", *values: str | int
) -> tuple[list[sqlite3.Row], bool]:
    """Read one page, and whether there are more; raises ParameterInvalidError for an id that is none of the list's."""
    conditions, bound = [f"({where})"], list(values)
    for field, given, sign in (("before_id", page.before_id, "<"), ("after_id", page.after_id, ">")):
        if given is not None:
            sequence = store.number(f"select sequence from {table} where id = ?", given)
            if sequence is None:
                raise ParameterInvalidError([{"field": field, "message": "is not the id of a listed object"}])
            conditions.append(f"sequence {sign} ?")
            bound.append(sequence)
    for moment, sign in ((page.start_datetime, ">="), (page.end_datetime, "<")):
        if moment is not None:
            conditions.append(f"created_at {sign} ?")
            bound.append(to_micros(moment))
    sql = f"select * from {table} where {' and '.join(conditions)} order by sequence desc limit ?"
    rows = store.all(sql, *bound, page.page_size + 1)
    return rows[: page.page_size], len(rows) > page.page_size

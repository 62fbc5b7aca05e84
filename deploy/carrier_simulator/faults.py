"""What is made to go wrong on demand, kept in the file like everything else that was accepted."""

import re
import sqlite3
from collections.abc import Collection

from pydantic import BaseModel

from deploy.carrier_simulator.errors import NotFoundError
from deploy.carrier_simulator.schemas import Fault, FaultKind
from deploy.carrier_simulator.store import Store
from deploy.carrier_simulator.wire import new_id

HTTP_KINDS = frozenset(
    {FaultKind.slow, FaultKind.rate_limited, FaultKind.server_error, FaultKind.refused, FaultKind.answer_lost}
)


class FaultRow(BaseModel):
    """A fault that is or was in force: `times` left (null = until removed) and how often it struck."""

    id: str
    times: int | None
    hits: int
    fault: Fault


class Faults:
    """The faults in force; `take` says whether one strikes now, and counts it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._active: list[FaultRow] = []
        self._reload()

    def _reload(self) -> None:
        rows = self._store.all("select * from fault where times is null or times > 0 order by sequence")
        self._active = [_read(row) for row in rows]

    def add(self, fault: Fault) -> FaultRow:
        """Put a fault in force."""
        fault_id = new_id("fault")
        with self._store.transaction() as connection:
            connection.execute(
                "insert into fault (id, times, document) values (?, ?, ?)",
                (fault_id, fault.times, fault.model_dump_json()),
            )
        self._reload()
        return FaultRow(id=fault_id, times=fault.times, hits=0, fault=fault)

    def every(self) -> list[FaultRow]:
        """Show all faults, spent ones too."""
        return [_read(row) for row in self._store.all("select * from fault order by sequence")]

    def remove(self, fault_id: str | None) -> int:
        """Take one fault away, or all of them; raises NotFoundError for an id that is none."""
        with self._store.transaction() as connection:
            gone = connection.execute("delete from fault where ? is null or id = ?", (fault_id, fault_id)).rowcount
        self._reload()
        if fault_id is not None and not gone:
            raise NotFoundError
        return gone

    def wants_requests(self) -> bool:
        """Say whether any fault in force looks at requests."""
        return any(row.fault.kind in HTTP_KINDS for row in self._active)

    def take(self, kind: FaultKind, references: Collection[str], route: str = "") -> Fault | None:
        """Say which fault of that kind strikes, if one does, and count it."""
        for row in self._active:
            if row.fault.kind is kind and _fits(row.fault, references, route):
                self._count(row.id)
                return row.fault
        return None

    def _count(self, fault_id: str) -> None:
        with self._store.transaction() as connection:
            connection.execute("update fault set hits = hits + 1, times = times - 1 where id = ?", (fault_id,))
        self._reload()


def _read(row: sqlite3.Row) -> FaultRow:
    fault = Fault.model_validate_json(row["document"])
    return FaultRow(id=row["id"], times=row["times"], hits=row["hits"], fault=fault)


def _fits(fault: Fault, references: Collection[str], route: str) -> bool:
    if fault.only_reference is not None and fault.only_reference not in references:
        return False
    return fault.route is None or re.search(fault.route, route) is not None

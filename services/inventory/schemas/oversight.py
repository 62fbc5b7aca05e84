"""What leads and operators are answered about the warehouse as a whole."""

from datetime import datetime

from shared.doors import Answer


class CutOffBacklog(Answer):
    """Parts of orders that one location has not handed over, of one cut-off; `to_pick` is units."""

    location: str
    cut_off_at: datetime
    orders: int
    packed: int
    stuck: int
    to_pick: int
    late: bool


class Backlog(Answer):
    """The backlog, the earliest cut-off first."""

    data: list[CutOffBacklog]


class DriftRow(Answer):
    """A stock row that is not the sum of its ledger, or whose reserved units are not those of live reservations."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    ledger_on_hand: int
    ledger_reserved: int
    ledger_damaged: int
    ledger_quarantined: int
    held: int


class Drift(Answer):
    """Stock rows that drifted, and how many there are in all; none is how it should be."""

    data: list[DriftRow]
    total: int

"""What the leads' overview reads of the services' answers."""

from datetime import datetime

from services.console.schemas import Read


class Outcomes(Read):
    """Orders that were due, and how they went; rates are None where there is nothing to divide by."""

    name: str
    due: int
    delivered: int
    otif: int
    perfect: int
    kept: int
    broken: int
    otif_rate: float | None
    perfect_rate: float | None
    kept_rate: float | None


class KindCount(Read):
    """Exceptions of a kind."""

    kind: str
    raised: int
    open: int


class Measures(Read):
    """Care's measures over one stretch of time."""

    since: datetime
    until: datetime
    total: Outcomes | None
    days: list[Outcomes]
    warehouses: list[Outcomes]
    carriers: list[Outcomes]
    exceptions: list[KindCount]
    sla_in_time: int
    sla_breached: int
    sla_rate: float | None
    formulas: dict[str, str]


class Stages(Read):
    """Orders at work by stage."""

    data: dict[str, int]


class CutOff(Read):
    """What a location has not handed over, of one cut-off."""

    location: str
    cut_off_at: datetime
    orders: int
    packed: int
    stuck: int
    to_pick: int
    late: bool


class Backlog(Read):
    """The backlog."""

    data: list[CutOff]

"""What leads are answered about how orders went."""

from datetime import datetime

from shared.doors import Answer


class Outcomes(Answer):
    """Orders that were due, and how they went; the rates are None where there is nothing to divide by."""

    name: str
    due: int
    delivered: int
    on_time: int
    otif: int
    perfect: int
    kept: int
    broken: int
    otif_rate: float | None
    perfect_rate: float | None
    kept_rate: float | None
    on_time_rate: float | None


class KindCount(Answer):
    """Exceptions of a kind: detected, and of those still open."""

    kind: str
    raised: int
    open: int


class Overview(Answer):
    """All of it over one stretch of time, with the formulas."""

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

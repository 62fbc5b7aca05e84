"""What leads are answered about how orders went, and what operators say of messages that left."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, JsonValue

from shared.doors import Answer, Body

Figures = dict[str, int | float | None]


class LeftMessages(Body):
    """What a mail log shows to have left."""

    keys: list[UUID] = Field(min_length=1, max_length=1000, description="of each mail's <...@care.doorstep>")
    reason: str = Field(min_length=3, max_length=500, examples=["restored to 08:00; mail log of 08:00 to 09:12"])


class LeftNoted(Answer):
    """How many of them were not known to have left."""

    count: int


class Accepted(Answer):
    """What was taken in, and under which id."""

    id: UUID


class Measures(Answer):
    """Care's measures over what began in [since, until), beside their formulas; None is no data."""

    since: datetime
    until: datetime
    exceptions: dict[str, Figures]
    dispositions: dict[str, int]
    cases: dict[str, JsonValue]
    clocks: dict[str, Figures]
    promises: Figures
    remedies: dict[str, int]
    messages: dict[str, int]
    silences: dict[str, int]
    contacts: dict[str, int] | None
    wismo: float | None
    csat: float | None
    flags: dict[str, Figures]
    formulas: dict[str, str]


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

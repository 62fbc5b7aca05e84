"""Answers about the warehouse's work: what is late and why, and all about one order."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.inventory.schemas.packing import ParcelAnswer
from services.inventory.schemas.picking import ListSummary
from services.inventory.states.warehouse import FulfilmentState, ParcelState, ShortfallState, WorkStage
from shared.doors import Answer, Body


class Reopening(Body):
    """Why a closed parcel is opened again."""

    reason: str = Field(min_length=3, max_length=500)


class Departure(Body):
    """Why a parcel counts as handed over that no dispatch scan saw."""

    reason: str = Field(min_length=3, max_length=500)


class WorkLine(Answer):
    """Where the units of one line of a fulfilment order are."""

    line_id: UUID
    sku: str
    quantity: int
    picked: int
    packed: int
    handed_over: int
    put_back_due: int
    shorted: int


class FulfilmentAnswer(Answer):
    """A fulfilment order, why it is where it is, and whether its cut-off has passed."""

    id: UUID
    order_id: UUID
    number: str
    location: str
    release_no: int
    part: int
    state: FulfilmentState
    since: datetime
    due_at: datetime | None
    cut_off_at: datetime
    late: bool
    why: str
    unblock: str
    missing: int
    totes: list[str]
    lines: list[WorkLine]


class FulfilmentsAnswer(Answer):
    """One page of fulfilment orders in the order of their cut-offs: the latest come first."""

    data: list[FulfilmentAnswer]
    next_cursor: str | None


class ParcelsAnswer(Answer):
    """Parcels that have not left, in the order of their cut-offs."""

    data: list[ParcelAnswer]


class WorkCount(Answer):
    """So many fulfilment orders of one cut-off are equally far; in progress, `stage` says in whose hands."""

    cut_off_at: datetime
    late: bool
    stage: FulfilmentState | WorkStage
    count: int


class ParcelCount(Answer):
    """So many parcels are equally far and go with the same carrier; without a label the carrier is empty."""

    state: ParcelState
    carrier: str
    count: int


class WorkloadAnswer(Answer):
    """How much work waits at a location; `inbounds` are deliveries not closed, `counts` shelves to be counted."""

    works: list[WorkCount]
    parcels: list[ParcelCount]
    inbounds: int
    counts: int


class ShortfallAnswer(Answer):
    """Released units that have, or had, no stock."""

    line_id: UUID
    sku: str
    quantity: int
    missing: int
    state: ShortfallState
    opened_at: datetime


class OrderWorkAnswer(Answer):
    """All the warehouse has about one order."""

    order_id: UUID
    number: str
    reference: str
    service_level: str
    ship_by: datetime
    holds: list[str]
    fulfilments: list[FulfilmentAnswer]
    lists: list[ListSummary]
    parcels: list[ParcelAnswer]
    shortfalls: list[ShortfallAnswer]

"""Requests and answers around pick lists."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.inventory.states.warehouse import ListState, PickMode, TaskState
from shared.doors import Answer, Body

Code = Annotated[str, Field(min_length=1, max_length=64)]
Units = Annotated[int, Field(ge=1, le=100_000)]


class PlanList(Body):
    """What list to make: where, for one order or for a cart, and how many orders at most."""

    location: Code
    mode: PickMode = PickMode.MULTI_ORDER_CART
    max_orders: int = Field(default=8, ge=1, le=60)


class AssignList(Body):
    """Who shall pick a list."""

    picker: Code


class NoDetails(Body):
    """Nothing more to say."""


class Scan(Body):
    """A barcode read `quantity` times, into a tote; the units are quantity times units per scan."""

    barcode: Code
    tote: Code | None = None
    quantity: Units = 1


class Short(Body):
    """Units of a task that are not on the shelf as they should be."""

    task_id: UUID
    quantity: Units
    reason: Literal["not_found", "mismatch", "damaged"]


class BarcodeAnswer(Answer):
    """A code on the goods and the units it stands for."""

    code: str
    units: int


class TaskAnswer(Answer):
    """A line to pick, as the picker sees it."""

    task_id: UUID
    fulfilment_id: UUID
    order_id: UUID
    line_id: UUID
    number: str
    tote: str
    bin: str
    walk_order: int
    sku: str
    name: str
    barcodes: list[BarcodeAnswer]
    quantity: int
    picked: int
    shorted: int
    cancelled: int
    remaining: int
    state: TaskState


class ToteAnswer(Answer):
    """The tote of one order on a list."""

    tote: str
    fulfilment_id: UUID
    order_id: UUID
    number: str


class ListSummary(Answer):
    """A pick list without its tasks."""

    id: UUID
    location: str
    mode: PickMode
    state: ListState
    since: datetime
    due_at: datetime | None
    picker: str | None
    cut_off_at: datetime
    orders: int
    remaining: int


class ListsAnswer(Answer):
    """One page of pick lists."""

    data: list[ListSummary]
    next_cursor: str | None


class ListAnswer(Answer):
    """A pick list in walking order; `next` is what to pick now."""

    id: UUID
    location: str
    mode: PickMode
    state: ListState
    picker: str | None
    cut_off_at: datetime
    totes: list[ToteAnswer]
    tasks: list[TaskAnswer]
    next: TaskAnswer | None
    remaining: int


class ScanAnswer(Answer):
    """What a scan did, and what comes next."""

    task: TaskAnswer
    units: int
    list_state: ListState
    remaining: int
    next: TaskAnswer | None


class Replacement(Answer):
    """Where missing units will be picked instead."""

    location: str
    quantity: int
    fulfilment_id: UUID


class ShortAnswer(Answer):
    """What became of the missing units."""

    task: TaskAnswer
    list_state: ListState
    remaining: int
    next: TaskAnswer | None
    replaced: list[Replacement]
    backordered: int
    expected_at: datetime | None

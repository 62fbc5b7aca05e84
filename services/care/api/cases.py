"""The queue: list, be served, take, skip, note, wait, resolve, reopen, close."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.care import schemas
from services.care.actions import bulk, reading, staff
from services.care.models import Case
from services.care.schemas.bulk import Bulk, BulkResult
from services.care.schemas.offers import SuggestionList
from services.care.schemas.queue import CaseCounts, CasePage
from shared.auth import Care, CareLead, LookUp, Principal
from shared.db import Transaction
from shared.doors import Body, Mutation, Tx, send
from shared.idempotency import Reply

router = APIRouter(prefix="/staff/cases", tags=["cases"])

Views = Annotated[list[Annotated[str, Field(max_length=2000)]], Query(min_length=1, max_length=40)]


async def _change(
    call: Mutation, who: Principal, body: Body, case_id: UUID, act: Callable[[Transaction, Case], Awaitable[Case]]
) -> Response:
    """Lock the case the caller saw (If-Match), change it, show it."""
    version = staff.version_of(call.request.headers.getlist("if-match"))

    async def change(tx: Transaction) -> Reply:
        return await reading.full(tx, await act(tx, await staff.lock_for(tx, case_id, version)), who)

    return await call.once(who, body, change)


@router.get("")
async def list_cases(tx: Tx, _who: LookUp, wanted: Annotated[CasePage, Query()]) -> schemas.CaseList:
    """List cases, the nearest due clock first; `state` may be repeated."""
    return await reading.list_cases(tx, wanted)


@router.get("/counts")
async def count_cases(tx: Tx, _who: LookUp, view: Views) -> CaseCounts:
    """Count the cases of several views at once, each said as the query of the list: `view=kind%3Ddamage`."""
    return await reading.count_cases(tx, view)


@router.post("/next", response_model=schemas.CaseDetail)
async def next_case(call: Mutation, who: Care, body: schemas.NextCase) -> Response:
    """Be given the most urgent case nobody is on."""

    async def serve(tx: Transaction) -> Reply:
        return await reading.full(tx, await staff.take_next(tx, body, who.actor), who)

    return await call.once(who, body, serve)


@router.post("/bulk", response_model=BulkResult)
async def change_many(call: Mutation, who: Care, body: Bulk) -> Response:
    """Do one thing to many cases, or preview it: what would change, what is refused and why."""
    return await call.once(who, body, lambda tx: bulk.change_many(tx, body, who))


@router.get("/{case_id}", response_model=schemas.CaseDetail)
async def show_case(tx: Tx, who: LookUp, case_id: UUID) -> Response:
    """Show a case with exceptions, evidence, clocks, entries, remedies and suggestions."""
    return send(await reading.show_case(tx, case_id, who))


@router.get("/{case_id}/suggestions")
async def show_suggestions(tx: Tx, who: LookUp, case_id: UUID) -> SuggestionList:
    """Show a case's ranked remedies with cost and authority."""
    return await reading.show_suggestions(tx, case_id, who)


@router.post("/{case_id}/take", response_model=schemas.CaseDetail)
async def take(call: Mutation, who: Care, case_id: UUID) -> Response:
    """Take a case."""
    return await _change(call, who, Body(), case_id, lambda tx, case: staff.assign(tx, case, who.actor, who.actor))


@router.post("/{case_id}/assign", response_model=schemas.CaseDetail)
async def assign(call: Mutation, who: CareLead, case_id: UUID, body: schemas.Assign) -> Response:
    """Put a person on a case."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.assign(tx, case, body.assignee, who.actor))


@router.post("/{case_id}/skip", response_model=schemas.CaseDetail)
async def skip(call: Mutation, who: Care, case_id: UUID, body: schemas.WithReason) -> Response:
    """Leave a case to somebody else."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.skip(tx, case, body.reason, who.actor))


@router.post("/{case_id}/notes", response_model=schemas.CaseDetail)
async def add_note(call: Mutation, who: Care, case_id: UUID, body: schemas.Note) -> Response:
    """Add a note."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.add_note(tx, case, body.text, who.actor))


@router.post("/{case_id}/wait", response_model=schemas.CaseDetail)
async def wait(call: Mutation, who: Care, case_id: UUID, body: schemas.Wait) -> Response:
    """Let a case wait for the customer, the carrier or the warehouse."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.wait_for(tx, case, body, who.actor))


@router.post("/{case_id}/resolve", response_model=schemas.CaseDetail)
async def resolve(call: Mutation, who: Care, case_id: UUID, body: schemas.Resolve) -> Response:
    """End a case for a stated reason; the customer must know."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.resolve(tx, case, body, who.actor))


@router.post("/{case_id}/reopen", response_model=schemas.CaseDetail)
async def reopen(call: Mutation, who: Care, case_id: UUID, body: schemas.WithReason) -> Response:
    """Take up a resolved case again."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.reopen(tx, case, body.reason, who.actor))


@router.post("/{case_id}/close", response_model=schemas.CaseDetail)
async def close(call: Mutation, who: Care, case_id: UUID, body: schemas.WithReason) -> Response:
    """Close a resolved case before its time."""
    return await _change(call, who, body, case_id, lambda tx, case: staff.close(tx, case, body.reason, who.actor))

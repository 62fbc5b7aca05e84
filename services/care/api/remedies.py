"""Remedies: ask, approve, deny."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.care import schemas
from services.care.actions import reading, staff
from services.care.actions import remedies as actions
from shared.auth import Care, LookUp
from shared.db import Transaction
from shared.doors import Mutation, Tx

router = APIRouter(prefix="/staff", tags=["remedies"])


@router.post("/cases/{case_id}/remedies", response_model=schemas.RemedyView, status_code=201)
async def grant(call: Mutation, who: Care, case_id: UUID, body: schemas.GrantRemedy) -> Response:
    """Ask for a remedy: granted within your authority, else it waits for another person's approval."""
    version = staff.version_of(call.request.headers.getlist("if-match"))

    async def act(tx: Transaction) -> schemas.RemedyView:
        return await actions.grant_by_person(tx, await staff.lock_for(tx, case_id, version), body, who)

    return await call.once(who, body, act, status=201)


@router.get("/remedies")
async def list_remedies(
    tx: Tx,
    who: LookUp,
    state: str | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> schemas.RemedyList:
    """List remedies and whether you may decide them; `state=waiting_approval` is the approvals tab."""
    return await reading.list_remedies(tx, state, after=cursor, limit=limit, who=who)


@router.post("/remedies/{remedy_id}/approve", response_model=schemas.RemedyView)
async def approve(call: Mutation, who: Care, remedy_id: UUID) -> Response:
    """Approve another person's remedy within your own limit."""
    return await call.once(who, None, lambda tx: actions.approve_by_person(tx, remedy_id, who))


@router.post("/remedies/{remedy_id}/deny", response_model=schemas.RemedyView)
async def deny(call: Mutation, who: Care, remedy_id: UUID, body: schemas.WithReason) -> Response:
    """Deny another person's remedy."""
    return await call.once(who, body, lambda tx: actions.deny_by_person(tx, remedy_id, who, body.reason))

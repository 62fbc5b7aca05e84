"""What leads and operators look at: exceptions, incidents, messages, measures; and reports from people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.care import schemas
from services.care.actions import detecting, overview, reading, sending, staff
from services.care.queries.cases import ExceptionFilter
from services.care.queries.incidents import lock_incident
from services.care.schemas.overview import Accepted, LeftMessages, LeftNoted, Measures, Overview
from shared.auth import LookUp, Operator, OrderEditor, Principal, Scope, require
from shared.db import Transaction
from shared.doors import Mutation, Tx
from shared.fields import Moment

router = APIRouter(prefix="/staff", tags=["oversight"])

EndsIncidents = Annotated[Principal, Depends(require(Scope.OPERATE, Scope.CASE_LEAD))]
Limit = Annotated[int, Query(ge=1, le=500)]
Place = Annotated[str, Query(max_length=40)]


@router.get("/exceptions")
async def list_exceptions(  # noqa: PLR0913 - a filter's fields are query parameters
    tx: Tx,
    _who: LookUp,
    *,
    kind: str | None = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    order_id: UUID | None = None,
    disposition: str | None = None,
    cursor: UUID | None = None,
    limit: Limit = 100,
) -> schemas.ExceptionList:
    """List exceptions with evidence, disposition and the promise they are judged by."""
    return await reading.list_exceptions(tx, ExceptionFilter(kind, is_open, order_id, disposition), cursor, limit)


@router.get("/incidents")
async def list_incidents(
    tx: Tx, _who: LookUp, *, is_open: Annotated[bool, Query(alias="open")] = False
) -> schemas.IncidentList:
    """List incidents, newest first."""
    return await reading.list_incidents(tx, only_open=is_open)


@router.post("/incidents/{incident_id}/end", status_code=204)
async def end_incident(call: Mutation, who: EndsIncidents, incident_id: UUID, body: schemas.WithReason) -> Response:
    """End an incident by hand."""

    async def act(tx: Transaction) -> None:
        await detecting.end_by_hand(tx, await lock_incident(tx, incident_id), who.actor, body.reason)

    return await call.once(who, body, act)


@router.get("/messages")
async def list_messages(
    tx: Tx, who: LookUp, order_id: UUID | None = None, state: str | None = None, limit: Limit = 100
) -> schemas.MessageList:
    """List messages, with the reason of each that was not sent; their words are for who may edit orders."""
    return await reading.list_messages(tx, order_id, state, limit, with_words=Scope.ORDER_EDIT in who.scopes)


@router.post("/messages/left", response_model=LeftNoted)
async def note_left(call: Mutation, who: Operator, body: LeftMessages) -> Response:
    """After a restore, take what the mail log shows for sent, not to send it again."""

    async def act(tx: Transaction) -> LeftNoted:
        return LeftNoted(count=await sending.note_left(tx, body.keys, actor=who.actor, reason=body.reason))

    return await call.once(who, body, act)


@router.post("/reports", response_model=Accepted, status_code=202)
async def report(call: Mutation, who: OrderEditor, body: schemas.Report) -> Response:
    """Report damage, a wrong or missing item, or a delivery not received; the rules look at it at once."""

    async def act(tx: Transaction) -> Accepted:
        return Accepted.model_validate(await staff.report(tx, body, who.actor))

    return await call.once(who, body, act, status=202)


@router.get("/report")
async def measure(tx: Tx, _who: LookUp, since: Moment | None = None, until: Moment | None = None) -> Measures:
    """Give care's measures beside their formulas, over what began in [since, until)."""
    return Measures.model_validate(await reading.measure(tx, since, until))


@router.get("/overview")
async def look_over(
    tx: Tx,
    _who: LookUp,
    since: Moment | None = None,
    until: Moment | None = None,
    location: Place | None = None,
    carrier: Place | None = None,
) -> Overview:
    """Say how the orders due in [since, until) went: by day, warehouse and carrier; else of 30 days."""
    return await overview.look(tx, since, until, location, carrier)

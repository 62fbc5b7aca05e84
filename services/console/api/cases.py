"""One case: its facts, what may be granted, and everything an agent does with it."""

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, Field

from services.console.actions import casework, presence
from services.console.actions.answers import REASONS
from services.console.api.guard import Care, CareLead, Visitor
from services.console.api.pages import done, page
from services.console.api.replies import reply_to
from services.console.api.working import ask, colleagues, queue_address
from services.console.rendering import minor_units, say
from services.console.schemas.care import CaseRemedy
from shared.auth import Scope
from shared.db import Database
from shared.errors import InvalidError

router = APIRouter(prefix="/care/cases/{case_id}")

_SERVICE = "care"


class Step(BaseModel):
    """An act on a case as the page showed it."""

    key: str = Field(min_length=1, max_length=100)
    version: int


class Reasoned(Step):
    """An act that needs a reason."""

    reason: str = Field(min_length=3, max_length=500)


class Noting(Step):
    """A note."""

    text: str = Field(min_length=1, max_length=2000)


class Waiting(Reasoned):
    """Whom the case waits for."""

    state: str = Field(max_length=40)
    hours: int | Literal[""] = ""


class Assigning(Step):
    """Who shall work on it."""

    assignee: str = Field(min_length=1, max_length=100)


class Resolving(Reasoned):
    """How it ends, and how the customer knows."""

    customer_informed: str = Field(default="", max_length=200)
    false_positive: bool = False


class Replying(BaseModel):
    """What the customer was told, and by which way."""

    key: str = Field(min_length=1, max_length=100)
    channel: str = Field(max_length=40)
    reason: str = Field(max_length=40)
    note: str = Field(default="", max_length=500)


@router.get("")
async def show_case(request: Request, case_id: UUID, who: Care) -> Response:
    """Show a case."""
    work = await casework.learn(who.caller, case_id)
    database: Database = request.app.state.database
    async with database.transaction("case") as tx:
        others = await presence.look_at(tx, case_id, who.person.id)
        people = await colleagues(tx)
    return page(
        request,
        "case.html",
        work=work,
        back=queue_address(who.person.queue),
        case=work.case,
        known=work.known,
        order=work.known.order if work.known is not None else None,
        answer=work.answer,
        reply=reply_to(work.known, who.person.name) if work.known is not None else None,
        others=others,
        seen_version=work.case.version,
        people=people,
        names=people.names,
        me=who.actor,
        reasons=REASONS,
        words=casework,
        may_lead=who.may(Scope.CASE_LEAD),
    )


@router.get("/presence")
async def show_presence(request: Request, case_id: UUID, who: Care, version: int = 0) -> Response:
    """Say who else has the case open, and whether it changed since it was opened."""
    case = await casework.read_case(who.caller, case_id)
    database: Database = request.app.state.database
    async with database.transaction("presence") as tx:
        others = await presence.look_at(tx, case_id, who.person.id)
        people = await colleagues(tx)
    return page(
        request,
        "parts/case_presence.html",
        case=case,
        others=others,
        seen_version=version,
        names=people.names,
        me=who.actor,
    )


@router.post("/take")
async def take(request: Request, case_id: UUID, who: Care, form: Annotated[Step, Form()]) -> Response:
    """Take the case."""
    return await _do(request, who, case_id, ("take", None), form, "It is yours now.")


@router.post("/assign")
async def assign(request: Request, case_id: UUID, who: CareLead, form: Annotated[Assigning, Form()]) -> Response:
    """Put a person on the case."""
    return await _do(request, who, case_id, ("assign", {"assignee": form.assignee}), form, "Assigned.")


@router.post("/skip")
async def skip(request: Request, case_id: UUID, who: Care, form: Annotated[Reasoned, Form()]) -> Response:
    """Leave the case to somebody else."""
    await ask(who, f"/staff/cases/{case_id}/skip", {"reason": form.reason}, form.key, form.version)
    return done(
        request, queue_address(who.person.queue), say("Left to somebody else; it will not be offered to you again.")
    )


@router.post("/notes")
async def note(request: Request, case_id: UUID, who: Care, form: Annotated[Noting, Form()]) -> Response:
    """Add a note."""
    return await _do(request, who, case_id, ("notes", {"text": form.text}), form, "Noted.")


@router.post("/wait")
async def wait(request: Request, case_id: UUID, who: Care, form: Annotated[Waiting, Form()]) -> Response:
    """Let the case wait for somebody, until they answer or at most so many hours."""
    body = {"state": form.state, "reason": form.reason, "until": casework.snoozed_until(form.hours)}
    word = say("It waits for {whom} now.", whom=casework.WAITS.get(form.state, ""))
    return await _do(request, who, case_id, ("wait", body), form, word)


@router.post("/resolve")
async def resolve(request: Request, case_id: UUID, who: Care, form: Annotated[Resolving, Form()]) -> Response:
    """End the case for a reason."""
    body: dict[str, object] = {"reason": form.reason, "false_positive": form.false_positive}
    if form.customer_informed.strip():
        body["customer_informed"] = form.customer_informed.strip()
    return await _do(request, who, case_id, ("resolve", body), form, "Resolved. It may be reopened for seven days.")


@router.post("/reopen")
async def reopen(request: Request, case_id: UUID, who: Care, form: Annotated[Reasoned, Form()]) -> Response:
    """Take the case up again."""
    return await _do(request, who, case_id, ("reopen", {"reason": form.reason}), form, "Open again; its clocks go on.")


@router.post("/close")
async def close(request: Request, case_id: UUID, who: Care, form: Annotated[Reasoned, Form()]) -> Response:
    """Close a resolved case before its time."""
    return await _do(request, who, case_id, ("close", {"reason": form.reason}), form, "Closed.")


@router.post("/replies")
async def note_reply(request: Request, case_id: UUID, who: Care, form: Annotated[Replying, Form()]) -> Response:
    """Keep that the customer was answered."""
    case = await casework.read_case(who.caller, case_id)
    body = {
        "order_id": str(case.order_id), "reason": form.reason, "channel": form.channel, "direction": "outbound",
        "note": form.note,
    }  # fmt: skip
    await ask(who, "/staff/contacts", body, form.key)
    return done(request, f"/care/cases/{case_id}", say("Kept: the customer was answered."))


@router.post("/remedies")
async def grant(request: Request, case_id: UUID, who: Care, form: Annotated[Reasoned, Form()]) -> Response:
    """Ask for a remedy: granted at once within one's limit, else by another person."""
    fields = {name: str(value).strip() for name, value in (await request.form()).items()}
    currency = fields.get("currency", "EUR")
    body: dict[str, object] = {"kind": fields.get("kind", ""), "reason": form.reason}
    if fields.get("amount"):
        body["amount"] = _amount(fields["amount"], currency)
    if fields.get("deliver_by"):
        body["deliver_by"] = _midday(fields["deliver_by"])
    if lines := _lines(fields):
        body["lines"] = lines
    answer = await ask(who, f"/staff/cases/{case_id}/remedies", body, form.key, form.version)
    remedy = CaseRemedy.model_validate(answer)
    word = "Over your limit: it waits for another person's approval."
    if remedy.state == "granted":
        word = "Granted: orders carries it out now."
    return done(request, f"/care/cases/{case_id}", say(word))


def _amount(text: str, currency: str) -> int:
    try:
        return minor_units(Decimal(text.replace(",", ".")), currency)
    except (InvalidOperation, ValueError):
        raise InvalidError(say("Amount: write it like 12.90")) from None


def _midday(text: str) -> str:
    """Give the middle of a day: the same day wherever it is read."""
    try:
        return datetime.combine(date.fromisoformat(text), time(12), UTC).isoformat()
    except ValueError:
        raise InvalidError(say("New date: choose a day")) from None


def _lines(fields: dict[str, str]) -> list[dict[str, object]]:
    """Read how many units of each line; all of them, and nothing is said about lines."""
    said = {name.removeprefix("units-"): value for name, value in fields.items() if name.startswith("units-")}
    most = {name.removeprefix("most-"): value for name, value in fields.items() if name.startswith("most-")}
    if not said or said == most:
        return []
    if any(not value.isdigit() for value in said.values()):
        raise InvalidError(say("Units: whole numbers only"))
    chosen: list[dict[str, object]] = [
        {"line_id": line_id, "quantity": int(value)} for line_id, value in said.items() if int(value)
    ]
    if not chosen:
        raise InvalidError(say("Choose at least one unit"))
    return chosen


async def _do(
    request: Request, who: Visitor, case_id: UUID, what: tuple[str, object], form: Step, word: str
) -> Response:
    """Let care do one thing to the case the person saw, and come back to it."""
    await ask(who, f"/staff/cases/{case_id}/{what[0]}", what[1], form.key, form.version)
    return done(request, f"/care/cases/{case_id}", say(word))

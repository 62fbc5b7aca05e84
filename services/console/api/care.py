"""The care queue: views of it, the next case, many cases at once with a preview, incidents and approvals."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field

from services.console.actions import presence, queue
from services.console.actions.answers import REASONS
from services.console.actions.casework import RANKS, REMEDIES, SNOOZES, WAITS, snoozed_until
from services.console.actions.queue import Wanted
from services.console.api.guard import Care, CareLead, Visitor
from services.console.api.pages import done, page, wants_part
from services.console.api.working import Key, Reason, ask, colleagues, plainly, queue_address
from services.console.queries import care as queries
from services.console.queries.staff import set_queue
from services.console.rendering import say
from services.console.schemas.care import FullCase, Outcomes
from shared.auth import Scope
from shared.db import Database
from shared.ids import new_id

router = APIRouter(prefix="/care")

Short = Annotated[str, Field(max_length=100)]
Shown = Annotated[int, Query(ge=1, le=queue.MOST_SHOWN)]
Back = Annotated[str, Form(max_length=1000)]
ACTS = {
    "take": "Take", "assign": "Assign to", "note": "Note", "wait": "Let wait for", "skip": "Give back",
    "resolve": "Resolve", "reopen": "Reopen", "close": "Close",
}  # fmt: skip


class Many(BaseModel):
    """One act for the ticked cases."""

    act: Literal["take", "assign", "note", "wait", "skip", "resolve", "reopen", "close"] = "take"
    cases: list[str] = Field(default_factory=list, max_length=queue.MOST_CHOSEN)
    reason: str = Field(default="", max_length=500)
    assignee: Short = ""
    state: Short = ""
    hours: int | Literal[""] = ""
    until: Short = ""
    customer_informed: str = Field(default="", max_length=200)
    false_positive: bool = False
    back: str = Field(default="/care", max_length=1000)

    def body(self, *, preview: bool) -> dict[str, object]:
        """Give what care is asked; raises InvalidError when nothing is ticked."""
        said: dict[str, object] = {"act": self.act, "cases": queue.read_chosen(self.cases), "preview": preview}
        if self.act != "take":
            said["reason"] = self.reason.strip()
        if self.act == "assign" and self.assignee:
            said["assignee"] = self.assignee
        if self.act == "wait":
            said |= {"state": self.state or None, "until": self.until or None}
        if self.act == "resolve":
            told = self.customer_informed.strip()
            said |= {"customer_informed": told or None, "false_positive": self.false_positive}
        return said


@router.get("")
async def show_queue(request: Request, who: Care, shown: Shown = queue.MOST_CASES) -> Response:
    """Show the queue, or what of it changes by itself; asked for nothing, what its person looked at last."""
    wanted = Wanted.of(request.query_params) if request.query_params else Wanted.at(who.person.queue).lasting
    here = queue.address_of(wanted, shown)
    database: Database = request.app.state.database
    async with database.transaction("queue") as tx:
        saved = await queries.list_views(tx, who.person.id)
        people = await colleagues(tx)
    found, incidents, views, waiting = await asyncio.gather(
        queue.read_queue(who.caller, wanted, who.actor, shown),
        queue.read_incidents(who.caller),
        queue.read_views(who.caller, saved, wanted, who.actor),
        queue.count_approvals(who.caller),
    )
    offers = None if wants_part(request) else await _offers(who, wanted)
    async with database.transaction("queue") as tx:
        looking = await presence.who_looks(tx, [case.id for case in found.data], who.person.id)
        if offers is not None and here != who.person.queue:
            await set_queue(tx, who.person.id, here)
    return page(
        request,
        "parts/care_queue_live.html" if offers is None else "care.html",
        wanted=wanted,
        here=here,
        more=queue.address_of(wanted, shown + queue.MOST_CASES) if shown < queue.MOST_SHOWN else "",
        queue=found,
        incidents=incidents.data,
        views=views,
        offers=offers,
        waiting=waiting,
        choices=queue,
        looking=looking,
        people=people,
        names=people.names,
        me=who.actor,
        reasons=REASONS,
        takeable=queue.ACTIVE,
        may_lead=who.may(Scope.CASE_LEAD),
    )


@dataclass(frozen=True, slots=True)
class _Offers:
    """What of the queue's page does not refresh: what one may narrow it by, and do to several cases."""

    warehouses: list[tuple[str, str]]
    acts: dict[str, str]
    waits: Mapping[str, str]
    snoozes: Mapping[int, str]


async def _offers(who: Visitor, wanted: Wanted) -> _Offers:
    acts = ACTS if who.may(Scope.CASE_LEAD) else {act: word for act, word in ACTS.items() if act != "assign"}
    return _Offers(await queue.read_warehouses(who.caller, wanted), acts, WAITS, SNOOZES)


@router.post("/next")
async def take_next(request: Request, who: Care, key: Key, back: Back = "/care") -> Response:
    """Be given the most urgent case nobody is on of those that were shown, and open it."""
    body = queue.next_of(Wanted.at(back))
    case = FullCase.model_validate(await who.caller.act("care", "/staff/cases/next", body, key=key))
    return done(request, f"/care/cases/{case.id}", say("{number} is yours now.", number=case.number))


@router.post("/bulk/preview")
async def preview_many(request: Request, who: Care, form: Annotated[Many, Form()]) -> Response:
    """Say what an act would do to each ticked case, before anything is done; it is put aside until what was said."""
    form = form.model_copy(update={"until": snoozed_until(form.hours) or ""})
    answer = await ask(who, "/staff/cases/bulk", form.body(preview=True), str(new_id()))
    return await _told(request, form, Outcomes.model_validate(answer))


@router.post("/bulk")
async def change_many(request: Request, who: Care, key: Key, form: Annotated[Many, Form()]) -> Response:
    """Do one act to the ticked cases; what is refused is told beside its reason."""
    outcomes = Outcomes.model_validate(await ask(who, "/staff/cases/bulk", form.body(preview=False), key))
    if any(one.refused_code for one in outcomes.data):
        return await _told(request, form, outcomes)
    return done(request, queue_address(form.back), say("Done: {count} cases.", count=len(outcomes.data)))


async def _told(request: Request, form: Many, outcomes: Outcomes) -> Response:
    database: Database = request.app.state.database
    async with database.transaction("bulk") as tx:
        people = await colleagues(tx)
    return page(
        request,
        "parts/care_bulk.html" if wants_part(request) else "care_bulk.html",
        form=form,
        outcomes=outcomes,
        names=people.names,
        acts=ACTS,
        words={one.id: plainly(one.refused_code or "", one.refused or "") for one in outcomes.data},
    )


@router.post("/views")
async def save_view(
    request: Request, who: Care, name: Annotated[str, Form(min_length=1, max_length=40)], shown: Annotated[str, Form()]
) -> Response:
    """Keep what is shown under a name."""
    wanted = Wanted.of(dict(_pairs(shown)))
    database: Database = request.app.state.database
    async with database.transaction("save view") as tx:
        await queue.save_view(tx, who.person.id, name.strip(), wanted)
    return done(request, wanted.address, say("Saved as “{name}”.", name=name.strip()))


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(part.partition("=")[0], part.partition("=")[2]) for part in query[:500].split("\n") if part]


@router.post("/views/{view_id}/delete")
async def delete_view(request: Request, view_id: UUID, who: Care) -> Response:
    """Delete one of one's own views."""
    database: Database = request.app.state.database
    async with database.transaction("delete view") as tx:
        await queries.drop_view(tx, who.person.id, view_id)
    return done(request, "/care", say("The view is deleted."))


@router.post("/incidents/{incident_id}/end")
async def end_incident(request: Request, incident_id: UUID, who: CareLead, key: Key, reason: Reason) -> Response:
    """End an incident by hand."""
    await who.caller.act("care", f"/staff/incidents/{incident_id}/end", {"reason": reason}, key=key)
    return done(request, "/care", say("The incident is over; what it explained is looked at again."))


@router.get("/approvals")
async def show_approvals(request: Request, who: Care, shown: Shown = queue.MOST_APPROVALS) -> Response:
    """Show the remedies that wait for somebody's approval."""
    found = await queue.read_approvals(who.caller, shown)
    more = min(shown + queue.MOST_APPROVALS, queue.MOST_SHOWN) if shown < queue.MOST_SHOWN else 0
    database: Database = request.app.state.database
    async with database.transaction("approvals") as tx:
        people = await colleagues(tx)
    return page(
        request,
        "parts/care_approvals.html" if wants_part(request) else "care_approvals.html",
        live=wants_part(request),
        approvals=found.data,
        waiting=found.total,
        here=queue.approvals_address(shown),
        more=queue.approvals_address(more) if more else "",
        names=people.names,
        me=who.person.login,
        remedies=REMEDIES,
        ranks=RANKS,
    )


@router.post("/approvals/{remedy_id}/approve")
async def approve(request: Request, remedy_id: UUID, who: Care, key: Key) -> Response:
    """Approve another person's remedy."""
    await ask(who, f"/staff/remedies/{remedy_id}/approve", None, key)
    return done(request, "/care/approvals", say("Approved: orders carries it out now."))


@router.post("/approvals/{remedy_id}/deny")
async def deny(request: Request, remedy_id: UUID, who: Care, key: Key, reason: Reason) -> Response:
    """Deny another person's remedy."""
    await ask(who, f"/staff/remedies/{remedy_id}/deny", {"reason": reason}, key)
    return done(request, "/care/approvals", say("Denied; the case goes back to its agent."))

"""The care queue: views of it, the next case, many cases at once with a preview, incidents and approvals."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field

from services.console.actions import presence, queue
from services.console.actions.answers import REASONS
from services.console.actions.casework import RANKS, REMEDIES, WAITS
from services.console.actions.queue import Wanted
from services.console.api.guard import Care, CareLead
from services.console.api.pages import done, page, wants_part
from services.console.api.working import Key, Reason, ask, colleagues, keep_queue, plainly, queue_address
from services.console.queries import care as queries
from services.console.rendering import say
from services.console.schemas.care import FullCase, Outcomes
from shared.auth import Scope
from shared.db import Database
from shared.ids import new_id

router = APIRouter(prefix="/care")

Short = Annotated[str, Field(max_length=100)]
Back = Annotated[str, Form(max_length=1000)]
ACTS = {
    "take": "Take", "assign": "Assign to", "note": "Note", "wait": "Let wait for", "skip": "Give back",
    "resolve": "Resolve", "close": "Close",
}  # fmt: skip


class Many(BaseModel):
    """One act for the ticked cases."""

    act: Literal["take", "assign", "note", "wait", "skip", "resolve", "close"] = "take"
    cases: list[str] = Field(default_factory=list, max_length=100)
    reason: str = Field(default="", max_length=500)
    assignee: Short = ""
    state: Short = ""
    customer_informed: str = Field(default="", max_length=200)
    back: str = Field(default="/care", max_length=1000)

    def body(self, *, preview: bool) -> dict[str, object]:
        """Give what care is asked; raises InvalidError when nothing is ticked."""
        said: dict[str, object] = {"act": self.act, "cases": queue.read_chosen(self.cases), "preview": preview}
        if self.act != "take":
            said["reason"] = self.reason.strip()
        if self.act == "assign" and self.assignee:
            said["assignee"] = self.assignee
        if self.act == "wait" and self.state:
            said["state"] = self.state
        if self.act == "resolve" and self.customer_informed.strip():
            said["customer_informed"] = self.customer_informed.strip()
        return said


@router.get("")
async def show_queue(
    request: Request, who: Care, shown: Annotated[int, Query(ge=1, le=queue.MOST_SHOWN)] = queue.MOST_CASES
) -> Response:
    """Show the queue, or what of it changes by itself."""
    wanted = Wanted.of(request.query_params)
    found = await queue.read_queue(who.caller, wanted, who.actor, shown)
    incidents = await queue.read_incidents(who.caller)
    # The tab that tells how many wait is no part of what refreshes.
    waiting = 0 if wants_part(request) else len((await queue.read_approvals(who.caller)).data)
    database: Database = request.app.state.database
    async with database.transaction("queue") as tx:
        views = await queries.list_views(tx, who.person.id)
        looking = await presence.who_looks(tx, [case.id for case in found.data], who.person.id)
        people = await colleagues(tx)
    here = queue.address_of(wanted, shown)
    response = page(
        request,
        "parts/care_queue.html" if wants_part(request) else "care.html",
        wanted=wanted,
        here=here,
        more=queue.address_of(wanted, shown + queue.MOST_CASES) if shown < queue.MOST_SHOWN else "",
        queue=found,
        incidents=incidents.data,
        waiting=waiting,
        views=views,
        looking=looking,
        people=people,
        names=people.names,
        me=who.actor,
        reasons=REASONS,
        acts=ACTS if who.may(Scope.CASE_LEAD) else {act: word for act, word in ACTS.items() if act != "assign"},
        waits=WAITS,
        choices=queue,
        takeable=queue.ACTIVE,
        may_lead=who.may(Scope.CASE_LEAD),
    )
    if not wants_part(request):
        keep_queue(response, here)
    return response


@router.post("/next")
async def take_next(request: Request, who: Care, key: Key, back: Back = "/care") -> Response:
    """Be given the most urgent case nobody is on of those that were shown, and open it."""
    body = queue.next_of(Wanted.at(back))
    case = FullCase.model_validate(await who.caller.act("care", "/staff/cases/next", body, key=key))
    return done(request, f"/care/cases/{case.id}", say("{number} is yours now.", number=case.number))


@router.post("/bulk/preview")
async def preview_many(request: Request, who: Care, form: Annotated[Many, Form()]) -> Response:
    """Say what an act would do to each ticked case, before anything is done."""
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
async def show_approvals(request: Request, who: Care) -> Response:
    """Show the remedies that wait for somebody's approval."""
    waiting = await queue.read_approvals(who.caller)
    database: Database = request.app.state.database
    async with database.transaction("approvals") as tx:
        people = await colleagues(tx)
    return page(
        request,
        "parts/care_approvals.html" if wants_part(request) else "care_approvals.html",
        approvals=waiting.data,
        waiting=len(waiting.data),
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

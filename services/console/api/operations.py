"""Operations: how the services are, what is paused, what is stuck, whether stock is right, who did what."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from services.console.actions import operations, trail
from services.console.actions.numbers import numbers_of
from services.console.actions.operations import PauseWatch, StuckWanted
from services.console.api.guard import Operator
from services.console.api.pages import done, page
from services.console.neighbours import SERVICES
from services.console.rendering import say
from services.console.schemas.operations import Details, Drift, Revived, order_id_in
from shared.db import Database
from shared.errors import InvalidError, NotFoundError

router = APIRouter(prefix="/operations")


Text = Annotated[str, Form(max_length=200)]
Reason = Annotated[str, Form(min_length=3, max_length=500)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
_NOT_FOUND = 404


@router.get("")
async def show(request: Request, who: Operator) -> Response:
    """Show how the services are and what is paused."""
    health, pauses = await asyncio.gather(operations.learn_health(who.caller), operations.list_pauses(who.caller))
    return page(request, "operations.html", health=health, pauses=pauses)


@router.get("/messages")
async def show_messages(
    request: Request, who: Operator, service: str = "", state: Literal["parked", "dead", ""] = ""
) -> Response:
    """Show events that wait or were given up, and records nobody could read."""
    wanted = StuckWanted(service, state)
    stuck = await operations.list_stuck(who.caller, wanted)
    numbers = await numbers_of(who.caller, stuck.order_ids)
    template = "operations_messages.html"
    return page(request, template, stuck=stuck, numbers=numbers, wanted=wanted, services=SERVICES)


@router.post("/messages/{service}/replay")
async def replay_alike(
    request: Request, service: str, who: Operator, key: Key, reason: Reason, cause: Annotated[str, Form()]
) -> Response:
    """Try again all events of a service that died of one cause."""
    body = {"cause": cause, "reason": reason}
    answer = await who.caller.act(_known(service), "/staff/parked/replay", body, key=key)
    count = Revived.model_validate(answer).count
    return done(request, "/operations/messages", say("{count} are tried again.", count=count))


@router.get("/messages/{service}/{identity}")
async def show_message(request: Request, service: str, identity: str, who: Operator) -> Response:
    """Show everything that is known of one of them."""
    known = await who.caller.get(_known(service), f"/staff/dead-letters/{identity}", Details)
    order_id = order_id_in(known.data.get("key"))
    return page(
        request,
        "operations_message.html",
        service=service,
        identity=identity,
        facts=operations.facts_of(known),
        is_event="event_id" in known.data,
        buried_for=known.data.get("reason"),
        order_id=order_id,
        numbers=await numbers_of(who.caller, [order_id]),
    )


@router.post("/messages/{service}/{identity}/replay")
async def replay(request: Request, service: str, identity: str, who: Operator, key: Key, reason: Reason) -> Response:
    """Try a dead event again, or let a record be read again."""
    path = f"/staff/{_kind(identity)}/{identity}/replay"
    await who.caller.act(_known(service), path, {"reason": reason}, key=key)
    return done(request, "/operations/messages", say("It is tried again."))


@router.post("/messages/{service}/{identity}/discard")
async def discard(request: Request, service: str, identity: str, who: Operator, key: Key, reason: Reason) -> Response:
    """Give an event up, or close an unreadable record."""
    path = f"/staff/{_kind(identity)}/{identity}/discard"
    await who.caller.act(_known(service), path, {"reason": reason}, key=key)
    return done(request, "/operations/messages", say("It is given up; what comes behind it goes on."))


@router.post("/pauses")
async def pause(request: Request, who: Operator, what: Text, key: Key, reason: Reason, scope: Text = "") -> Response:
    """Pause a kind of work, everywhere or for one scope."""
    service, kind = _switch(what)
    body = {"kind": kind, "scope": scope.strip() or "*", "reason": reason}
    await who.caller.act(service, "/staff/pauses", body, key=key)
    await _watch(request).ask()
    return done(request, "/operations", say("Paused: {kind}.", kind=kind.replace("_", " ")))


@router.post("/pauses/resume")
async def resume(request: Request, who: Operator, what: Text, key: Key, reason: Reason, scope: Text = "*") -> Response:
    """Let paused work go on."""
    service, kind = _switch(what)
    body = {"kind": kind, "scope": scope, "reason": reason}
    await who.caller.act(service, "/staff/pauses/resume", body, key=key)
    await _watch(request).ask()
    return done(request, "/operations", say("It goes on: {kind}.", kind=kind.replace("_", " ")))


@router.get("/drift")
async def show_drift(request: Request, who: Operator) -> Response:
    """Compare stock with its ledger and reservations, now."""
    drift = await who.caller.get("inventory", "/staff/drift", Drift)
    return page(request, "operations_drift.html", rows=drift.data, total=drift.total)


@router.get("/audit")
async def show_audit(request: Request, who: Operator, wanted: Annotated[trail.Wanted, Query()]) -> Response:
    """Show who did what, in all services and at the door of the console."""
    database: Database = request.app.state.database
    async with database.transaction("audit") as tx:
        own = await trail.list_own(tx, wanted)
    told = await trail.read_trail(who.caller, wanted, own)
    numbers = await numbers_of(who.caller, [row.order_id for _, row in told.rows])
    places = [*SERVICES, trail.CONSOLE]
    return page(request, "operations_audit.html", told=told, numbers=numbers, wanted=wanted, places=places, words=trail)


def _kind(identity: str) -> str:
    return "dead-letters" if identity.isdigit() else "parked"


def _known(service: str) -> str:
    if service not in SERVICES:
        raise NotFoundError(f"there is no service {service[:50]!r}")
    return service


def _switch(what: str) -> tuple[str, str]:
    service, _, kind = what.partition("/")
    if service not in SERVICES:
        raise InvalidError(say("Choose what to pause"))
    return service, kind


def _watch(request: Request) -> PauseWatch:
    found: PauseWatch = request.app.state.pauses
    return found

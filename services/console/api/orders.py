"""One order at the phone: the answer first, then the facts, with what may be done now beside them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from services.console.actions.answers import answer
from services.console.actions.orders import learn
from services.console.actions.progress import track
from services.console.actions.telling import tell
from services.console.api.guard import LookUp, OrderEditor
from services.console.api.pages import done, page, wants_part
from services.console.api.replies import reply_to
from services.console.api.working import colleagues
from services.console.rendering import moment, say
from services.console.schemas import Case, Order, Verification
from shared.auth import Scope
from shared.db import Database
from shared.errors import InvalidError

router = APIRouter(prefix="/orders/{named}")

Text = Annotated[str, Form(max_length=254)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Note = Annotated[str, Form(max_length=500)]

REASONS = (
    ("1", "where_is_it", "Where is it?"),
    ("2", "late", "It is late"),
    ("3", "damaged", "Damaged"),
    ("4", "missing", "Something is missing"),
    ("5", "not_received", "Not received"),
    ("6", "change", "Wants a change"),
    ("7", "cancel", "Wants to cancel"),
    ("8", "return", "Wants to return"),
    ("9", "payment", "Payment"),
    ("0", "other", "Something else"),
)
CHANNELS = ("phone", "email", "chat", "letter", "in_person")
TROUBLE = (
    ("damage", "It arrived damaged"),
    ("wrong_item", "Something else arrived"),
    ("missing_item", "Something is missing"),
)
MISSED = ("not_received", "It is said to be delivered, but they do not have it")
_FIELDS = {"number": "order number", "postal_code": "postcode", "email": "e-mail", "article": "article"}
_ADDRESS = ("name", "company", "line1", "line2", "city", "region", "postal_code", "country_code")


@router.get("")
async def show_order(request: Request, named: str, who: LookUp) -> Response:
    """Show an order; a page that is open asks for what may have changed, and not for the person."""
    may_edit, live = who.may(Scope.ORDER_EDIT), wants_part(request)
    known = await learn(who.caller, named, person=may_edit and not live)
    return page(
        request,
        "parts/order_live.html" if live else "order.html",
        live=live,
        known=known,
        order=known.order,
        person=known.person,
        answer=answer(known),
        reply=reply_to(known, who.person.name),
        entries=tell(known),
        tracks=[track(parcel) for parcel in known.order.shipments],
        may_edit=may_edit,
        may_work=who.may(Scope.CASE),
        trouble=(*TROUBLE, MISSED) if known.can_be_missed else TROUBLE,
        names=await _names_of(request, known.cases),
        reasons=REASONS,
        channels=CHANNELS,
    )


async def _names_of(request: Request, cases: list[Case]) -> dict[str, str]:
    """Give by their logins the names of who works cases, where any of these is somebody's."""
    if not any(case.assignee for case in cases):
        return {}
    database: Database = request.app.state.database
    async with database.transaction("order") as tx:
        return (await colleagues(tx)).names


@router.get("/person")
async def show_person(request: Request, named: str, who: OrderEditor) -> Response:
    """Show whose an order is, as far as this agent may see it now."""
    known = await learn(who.caller, named, person=True)
    return page(
        request,
        "parts/order_person_alone.html",
        known=known,
        order=known.order,
        person=known.person,
        may_work=who.may(Scope.CASE),
    )


@router.post("/verification")
async def verify(
    request: Request,
    named: str,
    who: OrderEditor,
    key: Key,
    number: Text = "",
    postal_code: Text = "",
    email: Text = "",
    article: Text = "",
) -> Response:
    """Compare what the caller says with the order."""
    said = {"number": number, "postal_code": postal_code, "email": email, "article": article}
    body = {name: value.strip() for name, value in said.items() if value.strip()}
    told = await who.caller.act("orders", f"/staff/orders/{named}/verifications", body, key=key)
    proof = Verification.model_validate(told)
    if not proof.verified:
        missed = ", ".join(_FIELDS[name] for name in proof.missed)
        raise InvalidError(say("Not verified: these do not belong to the order: {missed}", missed=missed))
    return done(
        request, f"/orders/{named}", say("The caller is verified until {until}.", until=moment(proof.verified_until))
    )


@router.post("/contacts")
async def note_contact(
    request: Request, named: str, who: OrderEditor, key: Key, reason: Text, channel: Text = "phone", note: Note = ""
) -> Response:
    """Keep that somebody got in touch, and why."""
    order = await who.caller.get("orders", f"/staff/orders/{named}", Order)
    body = {"order_id": str(order.id), "reason": reason, "channel": channel, "note": note}
    await who.caller.act("care", "/staff/contacts", body, key=key)
    return done(request, f"/orders/{named}", say("Contact noted: {reason}.", reason=reason.replace("_", " ")))


@router.post("/cancellation")
async def cancel(
    request: Request,
    named: str,
    who: OrderEditor,
    key: Key,
    lines: Annotated[list[UUID] | None, Form()] = None,
    note: Note = "",
) -> Response:
    """Ask for lines to be cancelled for the customer."""
    order = await who.caller.get("orders", f"/staff/orders/{named}", Order)
    wanted = [line for line in order.lines if line.id in (lines or ())]
    if not wanted:
        raise InvalidError(say("Choose what to cancel"))
    chosen = [{"line_id": str(line.id), "quantity": line.live} for line in wanted]
    body: dict[str, object] = {"reason": "customer", "note": note}
    if len(wanted) < len(order.lines):
        body["lines"] = chosen
    await who.caller.act("orders", f"/staff/orders/{named}/cancellations", body, key=key)
    return done(request, f"/orders/{named}", say("Asked for. What becomes of each line appears here in a moment."))


@router.post("/agreement")
async def agree(request: Request, named: str, who: OrderEditor, key: Key) -> Response:
    """Keep that the customer waits for the new date."""
    order = await who.caller.get("orders", f"/staff/orders/{named}", Order)
    await who.caller.act("care", "/staff/consents", {"order_id": str(order.id)}, key=key)
    return done(request, f"/orders/{named}", say("Kept: the customer waits for the new date."))


@router.post("/address")
async def change_address(
    request: Request, named: str, who: OrderEditor, key: Key, version: Annotated[int, Form()]
) -> Response:
    """Send the order elsewhere, before anybody picks it."""
    form = await request.form()
    address = {name: str(form.get(name, "")).strip() for name in (*_ADDRESS, "delivery_instructions")}
    await who.caller.act(
        "orders", f"/staff/orders/{named}", {"shipping_address": address}, key=key, method="PATCH", version=version
    )
    return done(request, f"/orders/{named}", say("The order goes to the new address."))


@router.post("/reports")
async def report(
    request: Request,
    named: str,
    who: OrderEditor,
    key: Key,
    kind: Text = "damage",
    parcel_id: Text = "",
    comment: Note = "",
) -> Response:
    """Open a case about what the customer says is wrong."""
    order = await who.caller.get("orders", f"/staff/orders/{named}", Order)
    body = {"order_id": str(order.id), "kind": kind, "parcel_id": parcel_id or None, "comment": comment}
    await who.caller.act("care", "/staff/reports", body, key=key)
    return done(request, f"/orders/{named}", say("Reported. Customer care has a case in a moment."))


@router.post("/messages/{message_id}/resend")
async def send_again(request: Request, named: str, message_id: UUID, who: OrderEditor, key: Key) -> Response:
    """Send a message once more."""
    await who.caller.act("care", f"/staff/messages/{message_id}/resend", None, key=key)
    return done(request, f"/orders/{named}", say("The message is sent again."))

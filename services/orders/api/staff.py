"""What staff does: storefronts and keys, look-up, holds, cancellations, promises, repairs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.orders.actions import (
    amending,
    cancellations,
    care_facts,
    explaining,
    finding,
    holds,
    reading,
    storefronts,
)
from services.orders.api.credentials import shown_once
from services.orders.schemas.intake import AskCancellation
from services.orders.schemas.staff import (
    ApplyHold,
    CreateKey,
    CreateStorefront,
    KeyList,
    KeyView,
    NewKeyView,
    Reasoned,
    RejectOrder,
    ReleaseHold,
    RevisePromise,
    RevokeKey,
    RotateKey,
    ShowExceptions,
    StorefrontList,
    StorefrontView,
    WriteOff,
)
from services.orders.schemas.views import (
    CancellationView,
    ExplainView,
    FoundOrders,
    OrderView,
    StageCounts,
    SummaryView,
    TimelinePage,
)
from shared.auth import LookUp, Operator, Principal, Scope, require
from shared.doors import Mutation, Tx, public_router
from shared.fields import Serial

router = public_router(prefix="/staff", tags=["staff"])

# Who runs the suite may open storefronts; a key is a credential, so nobody else may.
Keeper = Annotated[Principal, Depends(require(Scope.OPERATE, Scope.ADMINISTER))]
Editor = Annotated[Principal, Depends(require(Scope.ORDER_EDIT, Scope.OPERATE))]


@router.post("/storefronts", response_model=StorefrontView, status_code=201)
async def create_storefront(body: CreateStorefront, call: Mutation, who: Keeper) -> Response:
    """Make a storefront."""
    return await call.once(who, body, lambda tx: storefronts.create_storefront(tx, who, body), status=201)


@router.get("/storefronts")
async def list_storefronts(tx: Tx, _who: LookUp) -> StorefrontList:
    """List all storefronts."""
    return await storefronts.list_storefronts(tx)


@router.post("/storefronts/{storefront_id}/keys", response_model=NewKeyView, status_code=201)
async def create_key(storefront_id: UUID, body: CreateKey, call: Mutation, who: Keeper) -> Response:
    """Make a key; it is shown this once."""
    return await shown_once(call, who, body, lambda tx: storefronts.create_key(tx, who, storefront_id, body))


@router.get("/storefronts/{storefront_id}/keys")
async def list_keys(storefront_id: UUID, tx: Tx, _who: Keeper) -> KeyList:
    """List a storefront's keys."""
    return await storefronts.list_keys(tx, storefront_id)


@router.post("/keys/{key_id}/rotate", response_model=NewKeyView, status_code=201)
async def rotate_key(key_id: UUID, body: RotateKey, call: Mutation, who: Keeper) -> Response:
    """Make a key's successor."""
    return await shown_once(call, who, body, lambda tx: storefronts.rotate_key(tx, who, key_id, body))


@router.post("/keys/{key_id}/revoke", response_model=KeyView)
async def revoke_key(key_id: UUID, body: RevokeKey, call: Mutation, who: Keeper) -> Response:
    """End a key."""
    return await call.once(who, body, lambda tx: storefronts.revoke_key(tx, who, key_id, body))


@router.get("/look-up")
async def look_up(tx: Tx, _who: LookUp, q: Annotated[str, Query(min_length=2, max_length=200)]) -> FoundOrders:
    """Find orders by number, reference, e-mail, phone, tracking number, or name and postcode."""
    return await reading.look_up(tx, q)


@router.get("/stages")
async def count_stages(
    tx: Tx, _who: LookUp, location: Annotated[str | None, Query(max_length=40)] = None
) -> StageCounts:
    """Count the orders at work by stage, each where its unit furthest behind is; also of one warehouse."""
    return await reading.count_stages(tx, location)


@router.get("/orders/{named}")
async def get_order(named: str, tx: Tx, who: LookUp) -> SummaryView:
    """Read an order by id, number or `ref:<reference>`."""
    return await reading.read_summary(tx, who, named)


@router.get("/orders/{named}/timeline")
async def read_timeline(
    named: str,
    tx: Tx,
    who: LookUp,
    cursor: Serial = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> TimelinePage:
    """List all facts of an order."""
    return await reading.read_timeline(tx, who, named, cursor, limit)


@router.get("/orders/{named}/explain")
async def explain_order(named: str, tx: Tx, who: LookUp) -> ExplainView:
    """Say what blocks an order."""
    return await explaining.explain_order(tx, await finding.read_order(tx, who, named))


@router.post("/orders/{named}/holds", response_model=OrderView, status_code=201)
async def apply_hold(named: str, body: ApplyHold, call: Mutation, who: Editor) -> Response:
    """Hold an order."""
    return await call.once(who, body, lambda tx: holds.apply_hold(tx, who, named, body), status=201)


@router.post("/orders/{named}/holds/{hold_id}/release", response_model=OrderView)
async def release_hold(named: str, hold_id: UUID, body: ReleaseHold, call: Mutation, who: Editor) -> Response:
    """Let a hold go."""
    return await call.once(who, body, lambda tx: holds.release_hold(tx, who, named, hold_id, body))


@router.post("/orders/{named}/cancellations", response_model=CancellationView, status_code=202)
async def ask_cancellation(named: str, body: AskCancellation, call: Mutation, who: Editor) -> Response:
    """Cancel for a customer who called."""
    return await call.once(who, body, lambda tx: cancellations.ask_cancellation(tx, who, named, body), status=202)


@router.post("/orders/{named}/reject", response_model=OrderView)
async def reject_order(named: str, body: RejectOrder, call: Mutation, who: Editor) -> Response:
    """Refuse an order that was placed."""
    return await call.once(who, body, lambda tx: cancellations.reject_order(tx, who, named, body))


@router.post("/orders/{named}/promises", response_model=OrderView, status_code=201)
async def revise_promise(named: str, body: RevisePromise, call: Mutation, who: Editor) -> Response:
    """Promise another date."""
    return await call.once(who, body, lambda tx: amending.revise_promise(tx, who, named, body), status=201)


@router.post("/orders/{named}/write-offs", response_model=OrderView, status_code=201)
async def write_off(named: str, body: WriteOff, call: Mutation, who: Operator) -> Response:
    """Give units up that nobody will deliver any more."""
    return await call.once(who, body, lambda tx: cancellations.write_off(tx, who, named, body), status=201)


@router.post("/orders/{named}/exceptions", response_model=OrderView)
async def show_exceptions(named: str, body: ShowExceptions, call: Mutation, who: Operator) -> Response:
    """Show of an order the exceptions that care has open, and no others."""
    return await call.once(who, body, lambda tx: care_facts.show_exceptions(tx, who, named, body))


@router.post("/orders/{named}/release", response_model=OrderView)
async def drive_again(named: str, body: Reasoned, call: Mutation, who: Operator) -> Response:
    """Look at an order once more and release what can be."""
    return await call.once(who, body, lambda tx: amending.drive_again(tx, who, named, body.reason))

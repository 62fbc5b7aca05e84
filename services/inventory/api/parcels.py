"""Doors to the bench and the dock: parcels, labels, damage, put-backs, hand-over."""

from uuid import UUID

from fastapi import Response

from services.inventory.actions import hand_overs, labels, parcels, put_backs, shorts
from services.inventory.schemas import packing as bodies
from services.inventory.schemas.picking import NoDetails
from services.inventory.schemas.warehouse import Departure, Reopening
from shared.auth import Picker, Warehouse
from shared.doors import Mutation, as_reply, public_router, send

router = public_router(tags=["warehouse"])


@router.post("/staff/fulfilments/{fulfilment_id}/parcels", response_model=bodies.ParcelAnswer, status_code=201)
async def pack_parcel(fulfilment_id: UUID, body: bodies.PackParcel, call: Mutation, who: Picker) -> Response:
    """Pack units from the tote into a new parcel; weigh and close it in the same call if asked."""
    return await call.once(who, body, lambda tx: parcels.pack_parcel(tx, fulfilment_id, body, who.subject), status=201)


@router.post("/staff/fulfilments/{fulfilment_id}/damages", response_model=bodies.DamageAnswer)
async def report_damage(fulfilment_id: UUID, body: bodies.Damage, call: Mutation, who: Picker) -> Response:
    """Report picked units that were found damaged."""
    return await call.once(who, body, lambda tx: shorts.report_damage(tx, fulfilment_id, body, who.actor))


@router.post("/staff/fulfilments/{fulfilment_id}/put-backs", response_model=bodies.PutBackAnswer)
async def put_back(fulfilment_id: UUID, body: bodies.PutBackScan, call: Mutation, who: Picker) -> Response:
    """Lay cancelled units back on their shelf by scan."""
    return await call.once(who, body, lambda tx: put_backs.put_back(tx, fulfilment_id, body, who.actor))


@router.post("/staff/parcels/{parcel_id}/scans", response_model=bodies.ParcelAnswer)
async def scan_into_parcel(parcel_id: UUID, body: bodies.Packed, call: Mutation, who: Picker) -> Response:
    """Scan further units into an open parcel."""
    return await call.once(who, body, lambda tx: parcels.scan_into_parcel(tx, parcel_id, body))


@router.post("/staff/parcels/{parcel_id}/weighings", response_model=bodies.ParcelAnswer)
async def weigh_parcel(parcel_id: UUID, body: bodies.Weighing, call: Mutation, who: Picker) -> Response:
    """Weigh and measure a parcel; the answer warns of a variance."""
    return await call.once(who, body, lambda tx: parcels.weigh_parcel(tx, parcel_id, body))


@router.post("/staff/parcels/{parcel_id}/closings", response_model=bodies.ParcelAnswer)
async def close_parcel(parcel_id: UUID, body: NoDetails, call: Mutation, who: Picker) -> Response:
    """Close a weighed parcel."""
    return await call.once(who, body, lambda tx: parcels.close_parcel(tx, parcel_id))


@router.post("/staff/parcels/{parcel_id}/reopenings", response_model=bodies.ParcelAnswer)
async def reopen_parcel(parcel_id: UUID, body: Reopening, call: Mutation, who: Picker) -> Response:
    """Open a closed parcel again, after its label was given back."""
    # Before the key is looked at: else a twin served meanwhile would have this call void the label it made room for.
    labelled = await labels.get_labelled(call.request.app.state.database, parcel_id)
    if (answered := await call.answered(who, body)) is not None:
        return answered
    voided = await labels.void_before_reopening(labelled, body.reason)
    reopening = parcels.Reopened(parcel_id, voided, body.reason, who.actor)
    return await call.once(who, body, lambda tx: parcels.reopen_parcel(tx, reopening))


@router.post("/staff/parcels/{parcel_id}/discards", response_model=bodies.ParcelAnswer)
async def discard_parcel(parcel_id: UUID, body: NoDetails, call: Mutation, who: Picker) -> Response:
    """Lay the contents of an open parcel back into the tote."""
    return await call.once(who, body, lambda tx: parcels.discard_parcel(tx, parcel_id))


@router.post("/staff/parcels/{parcel_id}/label", response_model=bodies.LabelAnswer)
async def label_parcel(parcel_id: UUID, body: NoDetails, call: Mutation, who: Picker) -> Response:
    """Ask for the label and wait up to 10 s; 202 when it is not here by then."""
    label = await labels.ask_for_label(parcel_id, wait_seconds=labels.LABEL_WAIT_SECONDS)
    if label is None:
        # Not kept under the key: the same request again shall see the label when it is there.
        call.claim(who, body)
        return send(as_reply(await labels.show_waiting(call.request.app.state.database, parcel_id), 202))
    return await call.once(who, body, lambda tx: labels.attach_label(tx, parcel_id, label))


@router.get("/staff/parcels/{parcel_id}/label")
async def read_label(parcel_id: UUID, call: Mutation, _who: Picker) -> bodies.LabelAnswer:
    """Read the label as it is, without waiting."""
    return await labels.read_label(call.request.app.state.database, parcel_id)


@router.post("/staff/stagings", response_model=bodies.ParcelAnswer)
async def stage_parcel(body: bodies.Stage, call: Mutation, who: Picker) -> Response:
    """Scan a printed label: the parcel lies in the carrier's lane."""
    return await call.once(who, body, lambda tx: labels.stage_parcel(tx, body))


@router.post("/staff/parcels/{parcel_id}/departures", response_model=bodies.HandOverAnswer)
async def note_departure(parcel_id: UUID, body: Departure, call: Mutation, who: Warehouse) -> Response:
    """Record that a parcel has left though no dispatch scan saw it."""
    return await call.once(who, body, lambda tx: hand_overs.note_departure(tx, parcel_id, body.reason, who.actor))


@router.post("/staff/hand-overs", response_model=bodies.HandOverAnswer)
async def hand_over(body: bodies.HandOverParcels, call: Mutation, who: Picker) -> Response:
    """Hand parcels over to a carrier: the last gate."""
    return await call.once(who, body, lambda tx: hand_overs.hand_over(tx, body, who.actor))

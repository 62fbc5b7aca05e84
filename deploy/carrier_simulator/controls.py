"""The simulator's own controls: hand-overs, scripted journeys, faults, reports and the driver's question."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from deploy.carrier_simulator.api import Carrier, answer
from deploy.carrier_simulator.faults import FaultRow
from deploy.carrier_simulator.reports import list_parcels
from deploy.carrier_simulator.schemas import Fault, HandOver, Script
from shared import clock

router = APIRouter()

_MOST_PATIENCE_MS = 1000
_LOOK_AGAIN_SECONDS = 0.005


@router.post("/simulator/hand-overs")
async def hand_over(given: HandOver, carrier: Carrier) -> Response:
    """Take parcels physically; nothing else starts their journeys."""
    return answer(carrier.trackers.hand_over(given, clock.now()))


@router.post("/simulator/journeys")
async def script_journeys(given: Script | list[Script], carrier: Carrier) -> Response:
    """Take scripted journeys, one or many, before or after the labels are bought."""
    scripts = given if isinstance(given, list) else [given]
    return answer({"journeys": len(scripts), "parcels": carrier.trackers.script(scripts)}, 201)


@router.get("/simulator/parcels")
async def show_parcels(carrier: Carrier, print_custom_1: str | None = None) -> Response:
    """Show every parcel sold, or those of one order: where it is and which journey it is on."""
    return answer({"parcels": list_parcels(carrier.store, print_custom_1)})


@router.post("/simulator/faults", status_code=201)
async def add_fault(given: Fault, carrier: Carrier) -> FaultRow:
    """Make something go wrong."""
    return carrier.faults.add(given)


@router.get("/simulator/faults")
async def list_faults(carrier: Carrier) -> list[FaultRow]:
    """Show what was made to go wrong and how often it did."""
    return carrier.faults.every()


@router.delete("/simulator/faults")
async def remove_faults(carrier: Carrier) -> Response:
    """Let everything go right again."""
    return answer({"removed": carrier.faults.remove(None)})


@router.delete("/simulator/faults/{fault_id}")
async def remove_fault(fault_id: str, carrier: Carrier) -> Response:
    """Take one fault away."""
    return answer({"removed": carrier.faults.remove(fault_id)})


@router.get("/internal/rest")
async def tell_rest(carrier: Carrier, patience_ms: Annotated[int, Query(ge=0, le=_MOST_PATIENCE_MS)] = 0) -> Response:
    """Tell the stepping driver whether everything due is done, once it is or the patience ends."""
    ends = clock.monotonic() + patience_ms / 1000
    state = carrier.rest()
    while not state["at_rest"] and clock.monotonic() < ends:
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        state = carrier.rest()
    return answer(state)


@router.get("/health/ready")
@router.get("/health/live")
async def tell_live(carrier: Carrier) -> Response:
    """Tell whether the process lives and does its work."""
    return answer({"status": "live"}) if carrier.alive else answer({"status": "stopped"}, 503)

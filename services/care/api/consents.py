"""How customers stand to later dates, and what they tell an agent of it."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.care.actions import consents, customers
from services.care.schemas import customers as schemas
from shared.auth import LookUp, OrderEditor
from shared.doors import Mutation, Tx

router = APIRouter(prefix="/staff/consents", tags=["consents"])


@router.get("")
async def show_consent(tx: Tx, _who: LookUp, order_id: UUID) -> schemas.ConsentView:
    """Say whether the customer must agree to the date, has done so, and until when."""
    return await consents.show(tx, order_id)


@router.post("", response_model=schemas.ConsentView)
async def agree(call: Mutation, who: OrderEditor, body: schemas.Agree) -> Response:
    """Keep that the customer told you they wait for the date in force."""
    return await call.once(who, body, lambda tx: customers.agree_for(tx, body, who.actor))

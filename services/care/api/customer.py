"""What the status page asks and says for a customer, whose token names the one order it is about."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.care.actions import customers
from services.care.photos import redraw
from services.care.schemas import customers as schemas
from shared.auth import Customer, Principal
from shared.doors import Mutation, Tx
from shared.errors import NotFoundError
from shared.openapi import raw_body

router = APIRouter(prefix="/customer", tags=["customer"])

MOST_BYTES = 15 * 1024 * 1024
_PHOTO = raw_body("image/jpeg", "image/png", "image/webp", says="The photo itself", most_bytes=MOST_BYTES)


def _order_of(who: Principal) -> UUID:
    try:
        return UUID(who.subject)
    except ValueError:
        raise NotFoundError("this token names no order") from None


@router.get("/order")
async def show(tx: Tx, who: Customer) -> schemas.CustomerSees:
    """Say what is wrong with the order, and what the customer reported and chose."""
    return await customers.show(tx, _order_of(who))


@router.post("/evidence", response_model=schemas.EvidenceKept, status_code=201, openapi_extra=_PHOTO)
async def keep_photo(request: Request, call: Mutation, who: Customer) -> Response:
    """Keep a photo (the body, at most 15 MB); it is drawn anew and nothing else of the file is kept."""
    order_id = _order_of(who)
    photo = await asyncio.to_thread(redraw, await request.body())
    return await call.once(who, None, lambda tx: customers.keep_photo(tx, order_id, photo), status=201)


@router.post("/reports", response_model=schemas.ReportSeen, status_code=202)
async def report(call: Mutation, who: Customer, body: schemas.CustomerReport) -> Response:
    """Report damage or something missing; a photo is never required."""
    order_id = _order_of(who)
    return await call.once(who, body, lambda tx: customers.report(tx, order_id, body), status=202)


@router.post("/words", response_model=schemas.CustomerSees)
async def choose(call: Mutation, who: Customer, body: schemas.CustomerWord) -> Response:
    """Choose: wait for the new date, be told by e-mail or on the page only, rate from 1 to 5."""
    order_id = _order_of(who)
    return await call.once(who, body, lambda tx: customers.choose(tx, order_id, body))

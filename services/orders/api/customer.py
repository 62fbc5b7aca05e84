"""What the status page asks for a customer; whoever it is sees the one order that their token names."""

from typing import Annotated

from fastapi import Query, Response

from services.orders.actions import cancellations, reading
from services.orders.schemas.callers import PromiseHistory
from services.orders.schemas.intake import AskCancellation
from services.orders.schemas.views import CancellationView, SummaryView, TrackedOrder
from shared.auth import Customer
from shared.doors import Body, Mutation, Tx, public_router

router = public_router(prefix="/customer", tags=["customer"])

Text = Annotated[str, Query(min_length=1, max_length=100)]


class Nothing(Body):
    """The token says which order; there is no more to say."""


@router.get("/find")
async def find(tx: Tx, _who: Customer, number: Text, postal_code: Text) -> TrackedOrder:
    """Find the order of which somebody knows number and postcode."""
    return await reading.find_for_customer(tx, number, postal_code)


@router.get("/order")
async def read_order(tx: Tx, who: Customer) -> SummaryView:
    """Say where the order stands, without the person behind it."""
    return await reading.read_summary(tx, who, who.subject)


@router.get("/order/promises")
async def list_promises(tx: Tx, who: Customer) -> PromiseHistory:
    """List the promises, the original first."""
    return await reading.list_promises(tx, who, who.subject)


@router.post("/order/cancellations", response_model=CancellationView, status_code=202)
async def cancel(body: Nothing, call: Mutation, who: Customer) -> Response:
    """Ask for everything to be cancelled that still can be."""
    wish = AskCancellation(reason="customer", note="asked on the status page")
    return await call.once(who, body, lambda tx: cancellations.ask_cancellation(tx, who, who.subject, wish), status=202)

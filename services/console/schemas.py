"""What the console reads of the services' answers: only what a page shows; the rest is ignored."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Read(BaseModel):
    """A part of a service's answer."""

    model_config = ConfigDict(extra="ignore")


class FoundOrder(Read):
    """An order that the look-up found, and by what."""

    order_id: UUID
    number: str
    reference: str
    status: str
    fulfilment_status: str
    placed_at: datetime
    matched: list[str]


class FoundOrders(Read):
    """What the look-up found, newest first."""

    data: list[FoundOrder]

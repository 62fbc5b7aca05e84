"""What the status page reads of the services' answers."""

from datetime import datetime
from uuid import UUID

from services.console.schemas import Read, Trouble


class TrackedOrder(Read):
    """The order of which somebody knows number and postcode."""

    order_id: UUID


class KeptPhoto(Read):
    """A photo that was kept."""

    id: UUID


class Reported(Read):
    """What the customer reported."""

    kind: str
    reported_at: datetime


class CareSees(Read):
    """What care knows of the order, and what the customer chose."""

    troubles: list[Trouble]
    reports: list[Reported]
    waits_for_revision: int | None
    consent: str
    answer_by: datetime | None
    notices: str
    rating: int | None
    heard_by: datetime | None
    may_rate: bool

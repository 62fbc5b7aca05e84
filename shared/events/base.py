"""What every event is: an immutable fact with a type, a producing service and a key."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

REGISTRY: dict[str, type["Event"]] = {}


class Value(BaseModel):
    """A part of an event: immutable; unknown fields are ignored, so that producers may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Value):
    """A fact; concrete classes name their fact, their base names the producing service.

    `event_type` is `doorstep.<service>.<fact>.v1`; `key` is the Kafka key and CloudEvents subject.
    """

    source: ClassVar[str] = ""
    event_type: ClassVar[str] = ""
    aggregate_type: ClassVar[str] = ""

    def __init_subclass__(cls, fact: str = "", source: str = "", aggregate: str = "", version: int = 1) -> None:
        super().__init_subclass__()
        if source:
            cls.source = source
        if aggregate:
            cls.aggregate_type = aggregate
        if fact:
            cls.event_type = f"doorstep.{cls.source}.{fact}.v{version}"
            REGISTRY[cls.event_type] = cls

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """Swallow the class keywords above."""

    @property
    def key(self) -> str:
        """The stream this fact belongs to: an order id, or a SKU for stock facts."""
        raise NotImplementedError


def topic_of(source: str) -> str:
    """Name the topic of a producing service, e.g. `doorstep.orders`."""
    return f"doorstep.{source}"


E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Received(Generic[E_co]):
    """An event as it arrived: the fact and its envelope; `occurred_at` is business time."""

    event: E_co
    id: UUID
    source: str
    key: str
    epoch: int
    sequence: int
    occurred_at: datetime
    correlation_id: str
    traceparent: str | None = None


class Progress(Value):
    """Where an aggregate stands: its step, who holds it, since when, until when, and what unblocks it."""

    step: str
    holder: str
    since: datetime
    due_at: datetime | None = None
    unblock: str = ""


class Money(Value):
    """An amount in integer minor units of an ISO 4217 currency."""

    amount: int
    currency: str


class Destination(Value):
    """As much of an address as an event may carry: ISO 3166 country and the postcode's zone."""

    country_code: str
    postal_zone: str = ""


class LineCount(Value):
    """An absolute total of units of one order line; never a delta."""

    line_id: UUID
    sku: str
    quantity: int

"""What a rule may look at: what care knows of one order, its parcels and a carrier's feed, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.care.clocks import BusinessCalendar
from services.care.policy.consent import PACKS, ConsentPack
from services.care.quantiles import History, lane_keys
from services.care.rules.thresholds import Thresholds


class Position(StrEnum):
    """Where the carrier says a parcel is; the names of shipping's states from hand-over on."""

    HANDED_OVER = "handed_over"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    RETURNING = "returning_to_sender"
    RETURNED = "returned_to_sender"
    UNDELIVERABLE = "undeliverable"
    LOST = "lost"
    DELIVERED = "delivered"


ENDED = frozenset({Position.DELIVERED, Position.LOST, Position.RETURNED})
GOING_BACK = frozenset({Position.RETURNING, Position.RETURNED})
NOT_COMING = GOING_BACK | {Position.UNDELIVERABLE}
"""Positions in which no time of arrival is left to judge."""


@dataclass(frozen=True, slots=True)
class PromiseFacts:
    """The promise in force; `deliver_by` is the end of the local day at the destination."""

    revision: int
    ship_by: datetime | None
    deliver_by: datetime
    first_deliver_by: datetime | None = None
    revised_at: datetime | None = None
    agreed_revision: int | None = None
    """To which revision the customer said yes last."""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A step somebody holds: what `progress` of a fact said."""

    step: str
    holder: str
    since: datetime
    due_at: datetime | None
    unblock: str = ""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """Units of a line that are not yet out of the house."""

    line_id: str
    backordered: int = 0
    expected_at: datetime | None = None
    short: int = 0
    """Units shorted at the shelf that no other stock serves."""
    short_reason: str = ""


@dataclass(frozen=True, slots=True)
class FulfilmentFacts:
    """Units that one location picks and packs by its cut-off."""

    fulfilment_id: str
    location: str
    cut_off_at: datetime
    planned_at: datetime
    started_at: datetime | None = None
    packed_at: datetime | None = None
    handed_over_at: datetime | None = None
    queue_depth: int = 0


@dataclass(frozen=True, slots=True)
class ParcelFacts:
    """A parcel after its dispatch scan."""

    parcel_id: str
    carrier: str
    service: str
    handed_over_at: datetime
    position: Position = Position.HANDED_OVER
    last_scan_at: datetime | None = None
    """The last physical scan by the carrier."""
    out_for_delivery_at: datetime | None = None
    siblings_scanned: float = 0.0
    """The share of the parcels of the same hand-over that the carrier has scanned."""
    flags: frozenset[str] = frozenset()
    attempts: int = 0
    pickup_expires_at: datetime | None = None
    carrier_estimate: datetime | None = None

    @property
    def ended(self) -> bool:
        """Say whether the carrier has nothing more to do."""
        return self.position in ENDED


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What care knows of one order."""

    order_id: str
    placed_at: datetime
    service_level: str
    country: str
    zone: str
    promise: PromiseFacts | None
    international: bool = False
    ended: bool = False
    units_in_house: int = 0
    """Units not handed over, cancelled or lost."""
    undelivered_units: int = 0
    ship_after: datetime | None = None
    steps: tuple[StepFacts, ...] = ()
    lines: tuple[LineFacts, ...] = ()
    fulfilments: tuple[FulfilmentFacts, ...] = ()
    parcels: tuple[ParcelFacts, ...] = ()

    @property
    def unsent(self) -> bool:
        """Say whether nothing of the order has left the house, and something still shall."""
        return self.units_in_house > 0 and not self.parcels

    def lane(self, parcel: ParcelFacts | None = None) -> tuple[str, ...]:
        """Give the keys under which transit times are looked up, most specific first."""
        service = (parcel.carrier, parcel.service) if parcel else None
        keys = lane_keys(self.service_level, self.country, self.zone, service)
        return (*keys, f"{self.service_level}/abroad") if self.international else (*keys, self.service_level)


@dataclass(frozen=True, slots=True)
class CarrierFeed:
    """What a carrier's whole feed looks like."""

    carrier: str
    last_event_at: datetime
    parcels_underway: int


@dataclass(frozen=True, slots=True)
class Basis:
    """What every rule judges by: configuration, history, calendars, and which feeds are silent."""

    thresholds: Thresholds
    history: History
    carrier_days: BusinessCalendar
    silent_carriers: frozenset[str] = field(default_factory=frozenset)
    consent_packs: Mapping[str, ConsentPack] = field(default_factory=lambda: PACKS)
    """By country: when a later date needs the customer's yes."""

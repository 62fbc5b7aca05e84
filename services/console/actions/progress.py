"""How far a parcel is, as a line of steps. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.console.schemas import Shipment

_STEPS = ("Packed", "Handed over", "In transit", "Out for delivery", "Delivered")
_STEP_OF: Mapping[str, int] = {
    "handed_over": 1, "picked_up": 2, "in_transit": 2, "lost": 2, "undeliverable": 2, "out_for_delivery": 3,
    "delivery_attempted": 3, "available_for_pickup": 3, "returning_to_sender": 3, "returned_to_sender": 4,
    "delivered": 4,
}  # fmt: skip
_NAMED: Mapping[str, str] = {
    "packing": "Being packed", "lost": "Lost", "undeliverable": "Undeliverable", "delivery_attempted": "Attempted",
    "available_for_pickup": "At the pick-up point", "returning_to_sender": "Coming back",
    "returned_to_sender": "Returned",
}  # fmt: skip
_BAD = frozenset({"lost", "undeliverable", "returning_to_sender", "returned_to_sender"})


@dataclass(frozen=True, slots=True)
class Step:
    """A point on a parcel's progress line: done, here, or to come."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Track:
    """How far a parcel is."""

    parcel: Shipment
    steps: list[Step]
    tone: str


def track(parcel: Shipment) -> Track:
    """Give a parcel's progress line."""
    here = _STEP_OF.get(parcel.status, 0)
    labels = [_NAMED.get(parcel.status, label) if index == here else label for index, label in enumerate(_STEPS)]
    steps = [
        Step(label, "done" if index < here else "here" if index == here else "") for index, label in enumerate(labels)
    ]
    tone = "bad" if parcel.status in _BAD or "damaged" in parcel.flags else "warn" if parcel.flags else ""
    return Track(parcel, steps, tone)

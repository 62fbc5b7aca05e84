"""EasyPost's tracking codes in our words: a table over (status, detail), total, and never a guess."""

from services.shipping.carriers.base import Reading
from services.shipping.states import CarrierException, Flag, ShipmentStatus

STATUSES: frozenset[str] = frozenset(
    {
        "unknown",
        "pre_transit",
        "in_transit",
        "out_for_delivery",
        "available_for_pickup",
        "delivered",
        "return_to_sender",
        "failure",
        "cancelled",
        "error",
    }
)
DETAILS: frozenset[str] = frozenset(
    {
        "",
        "address_correction",
        "arrived_at_destination",
        "arrived_at_facility",
        "arrived_at_pickup_location",
        "awaiting_information",
        "cancelled",
        "damaged",
        "delayed",
        "delivery_exception",
        "departed_facility",
        "departed_origin_facility",
        "expired",
        "failure",
        "held",
        "in_transit",
        "label_created",
        "lost",
        "missorted",
        "out_for_delivery",
        "picked_up",
        "received_at_destination_facility",
        "received_at_origin_facility",
        "refused",
        "return",
        "status_update",
        "transferred_to_destination_carrier",
        "transit_exception",
        "unknown",
        "weather_delay",
    }
)

UNMAPPED = Reading(exception=CarrierException.UNMAPPED, unmapped=True)
AWAITING_CARRIER = Reading()

_P = ShipmentStatus

# A detail that adds nothing leaves the status to speak alone.
_WITHOUT_DETAIL = frozenset({"", "unknown", "status_update"})
_MOVEMENT = frozenset(
    {
        "arrived_at_destination",
        "arrived_at_facility",
        "departed_facility",
        "departed_origin_facility",
        "in_transit",
        "received_at_destination_facility",
        "transferred_to_destination_carrier",
    }
)

_POSITION_ROWS: tuple[tuple[str, frozenset[str], Reading], ...] = (
    ("unknown", frozenset({"", "unknown"}), AWAITING_CARRIER),
    ("pre_transit", _WITHOUT_DETAIL | {"label_created"}, AWAITING_CARRIER),
    ("in_transit", frozenset({"received_at_origin_facility", "picked_up"}), Reading(_P.PICKED_UP)),
    ("in_transit", _WITHOUT_DETAIL | _MOVEMENT, Reading(_P.IN_TRANSIT)),
    ("out_for_delivery", _WITHOUT_DETAIL | _MOVEMENT | {"out_for_delivery"}, Reading(_P.OUT_FOR_DELIVERY)),
    (
        "available_for_pickup",
        _WITHOUT_DETAIL | {"arrived_at_pickup_location", "arrived_at_destination", "arrived_at_facility"},
        Reading(_P.AVAILABLE_FOR_PICKUP),
    ),
    (
        "delivered",
        _WITHOUT_DETAIL | {"arrived_at_destination", "arrived_at_pickup_location", "out_for_delivery"},
        Reading(_P.DELIVERED),
    ),
    (
        "return_to_sender",
        _WITHOUT_DETAIL | _MOVEMENT | {"return", "received_at_origin_facility", "out_for_delivery"},
        Reading(_P.RETURNING_TO_SENDER, exception=CarrierException.RETURNED),
    ),
    (
        "failure",
        _WITHOUT_DETAIL | {"failure"},
        Reading(_P.UNDELIVERABLE, exception=CarrierException.DELIVERY_PROBLEM),
    ),
    ("cancelled", _WITHOUT_DETAIL | {"cancelled"}, Reading(_P.VOIDED)),
)

# Carriers report damage inside "in transit": these details speak louder than any status beside them.
_DETAIL_ROWS: dict[str, Reading] = {
    "delayed": Reading(flags=frozenset({Flag.DELAYED}), exception=CarrierException.DELAY),
    "weather_delay": Reading(flags=frozenset({Flag.DELAYED}), exception=CarrierException.DELAY),
    "missorted": Reading(flags=frozenset({Flag.DELAYED}), exception=CarrierException.DELAY),
    "transit_exception": Reading(flags=frozenset({Flag.DELAYED}), exception=CarrierException.DELAY),
    "held": Reading(flags=frozenset({Flag.ON_HOLD}), exception=CarrierException.HOLD),
    "address_correction": Reading(flags=frozenset({Flag.ON_HOLD}), exception=CarrierException.ADDRESS_PROBLEM),
    "awaiting_information": Reading(flags=frozenset({Flag.ON_HOLD}), exception=CarrierException.HOLD),
    "delivery_exception": Reading(_P.DELIVERY_ATTEMPTED, exception=CarrierException.FAILED_ATTEMPT),
    "refused": Reading(_P.RETURNING_TO_SENDER, exception=CarrierException.REFUSED),
    "damaged": Reading(flags=frozenset({Flag.DAMAGED}), exception=CarrierException.DAMAGE),
    "lost": Reading(_P.LOST, exception=CarrierException.LOST),
    "expired": Reading(exception=CarrierException.LOSS_SUSPECTED),
}

# Beside a flag, the status still says where the parcel is; beside a suspicion it does not.
_POSITION_BESIDE_FLAG: dict[str, ShipmentStatus] = {
    "in_transit": _P.IN_TRANSIT,
    "out_for_delivery": _P.OUT_FOR_DELIVERY,
    "available_for_pickup": _P.AVAILABLE_FOR_PICKUP,
    "delivered": _P.DELIVERED,
    "return_to_sender": _P.RETURNING_TO_SENDER,
}


def _detail_reading(status: str, detail: str) -> Reading:
    row = _DETAIL_ROWS[detail]
    if not row.flags:
        return row
    return Reading(_POSITION_BESIDE_FLAG.get(status), row.flags, row.exception)


def _table() -> dict[tuple[str, str], Reading]:
    table = {(status, detail): UNMAPPED for status in STATUSES for detail in DETAILS}
    for status, details, reading in _POSITION_ROWS:
        table.update({(status, detail): reading for detail in details})
    for status in STATUSES:
        table.update({(status, detail): _detail_reading(status, detail) for detail in _DETAIL_ROWS})
    return table


READINGS: dict[tuple[str, str], Reading] = _table()


def reading_of(status: str, detail: str) -> Reading:
    """Give our reading of a pair of codes; a pair nobody listed is `unmapped`, whatever it resembles."""
    return READINGS.get((status, detail), UNMAPPED)

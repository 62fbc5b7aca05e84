"""EasyPost's codes in our words: every pair of them, and what nobody listed."""

import itertools

import pytest

from services.shipping.carriers.base import Reading
from services.shipping.carriers.easypost_codes import DETAILS, READINGS, STATUSES, UNMAPPED, reading_of
from services.shipping.states import CarrierException, Flag, ShipmentStatus

S = ShipmentStatus
X = CarrierException
PAIRS = sorted(itertools.product(STATUSES, DETAILS))

# DOMAIN's table, read a second time and independently of the code: what speaks whatever the status is.
ANY_STATUS = {
    "delayed": (Flag.DELAYED, X.DELAY),
    "weather_delay": (Flag.DELAYED, X.DELAY),
    "missorted": (Flag.DELAYED, X.DELAY),
    "transit_exception": (Flag.DELAYED, X.DELAY),
    "held": (Flag.ON_HOLD, X.HOLD),
    "address_correction": (Flag.ON_HOLD, X.ADDRESS_PROBLEM),
    "awaiting_information": (Flag.ON_HOLD, X.HOLD),
    "damaged": (Flag.DAMAGED, X.DAMAGE),
}
NAMED = {
    ("unknown", ""): None,
    ("unknown", "unknown"): None,
    ("pre_transit", "label_created"): None,
    ("pre_transit", "status_update"): None,
    ("in_transit", "received_at_origin_facility"): S.PICKED_UP,
    ("in_transit", "picked_up"): S.PICKED_UP,
    ("in_transit", "arrived_at_facility"): S.IN_TRANSIT,
    ("in_transit", "departed_facility"): S.IN_TRANSIT,
    ("in_transit", "transferred_to_destination_carrier"): S.IN_TRANSIT,
    ("out_for_delivery", "out_for_delivery"): S.OUT_FOR_DELIVERY,
    ("available_for_pickup", "arrived_at_pickup_location"): S.AVAILABLE_FOR_PICKUP,
    ("delivered", "arrived_at_destination"): S.DELIVERED,
    ("delivered", ""): S.DELIVERED,
    ("return_to_sender", "return"): S.RETURNING_TO_SENDER,
    ("failure", "failure"): S.UNDELIVERABLE,
    ("cancelled", "cancelled"): S.VOIDED,
}


def test_the_table_has_a_reading_for_every_pair_easypost_knows_and_for_no_other() -> None:
    assert set(READINGS) == set(PAIRS)


@pytest.mark.parametrize(("status", "detail"), PAIRS)
def test_every_pair_means_one_thing_or_is_loudly_unmapped(status: str, detail: str) -> None:
    reading = reading_of(status, detail)
    if reading.unmapped:
        assert reading == Reading(exception=X.UNMAPPED, unmapped=True)
    else:
        assert reading.exception is not X.UNMAPPED
    if status == "error" and reading.position is not None:
        assert detail in {"delivery_exception", "refused", "lost"}


@pytest.mark.parametrize("status", sorted(STATUSES))
@pytest.mark.parametrize("detail", sorted(ANY_STATUS))
def test_a_flag_is_read_from_the_detail_whatever_the_status_beside_it(status: str, detail: str) -> None:
    flag, exception = ANY_STATUS[detail]
    reading = reading_of(status, detail)
    assert (reading.flags, reading.exception) == (frozenset({flag}), exception)


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_lost_refused_failed_attempt_and_expired_outrank_every_status(status: str) -> None:
    assert reading_of(status, "lost") == Reading(S.LOST, exception=X.LOST)
    assert reading_of(status, "refused") == Reading(S.RETURNING_TO_SENDER, exception=X.REFUSED)
    assert reading_of(status, "delivery_exception") == Reading(S.DELIVERY_ATTEMPTED, exception=X.FAILED_ATTEMPT)
    assert reading_of(status, "expired") == Reading(exception=X.LOSS_SUSPECTED)


@pytest.mark.parametrize(("pair", "position"), sorted(NAMED.items()))
def test_a_pair_named_in_the_taxonomy_has_its_position(pair: tuple[str, str], position: S | None) -> None:
    reading = reading_of(*pair)
    assert reading.position is position
    assert not reading.unmapped


@pytest.mark.parametrize("status", ["in_transit", "out_for_delivery", "delivered"])
def test_a_damaged_parcel_keeps_the_position_its_status_tells(status: str) -> None:
    assert reading_of(status, "damaged").position == S(status)


@pytest.mark.parametrize(
    "pair",
    [
        ("in_transit", "label_created"),
        ("in_transit", "cancelled"),
        ("delivered", "return"),
        ("delivered", "failure"),
        ("unknown", "status_update"),
        ("error", ""),
        ("teleported", ""),
        ("in_transit", "eaten_by_a_dog"),
    ],
)
def test_a_contradiction_or_a_new_word_is_unmapped_never_a_guess(pair: tuple[str, str]) -> None:
    assert reading_of(*pair) == UNMAPPED

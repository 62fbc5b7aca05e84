"""What callers of the inventory service can act on."""

from collections import Counter
from collections.abc import Sequence

from shared.errors import ConflictError, FieldError, InvalidError, NotFoundError


def refuse_repeated(*groups: Sequence[tuple[str, str]]) -> None:
    """Refuse codes that occur more than once in their group of (pointer, code), naming each; raises InvalidError."""
    errors: list[FieldError] = []
    for named in groups:
        times = Counter(code for _, code in named)
        errors += [
            FieldError(pointer, "repeated", f"{code} occurs more than once")
            for pointer, code in named
            if times[code] > 1
        ]
    if errors:
        raise InvalidError("a code may occur once", errors=tuple(errors))


class UnknownSkuError(InvalidError):
    """A SKU nobody saved."""

    code = "unknown_sku"


class UnknownLocationError(InvalidError):
    """A location nobody saved."""

    code = "unknown_location"


class BarcodeTakenError(InvalidError):
    """The barcode stands for another SKU."""

    code = "barcode_taken"


class WrongLocationError(InvalidError):
    """The inbound comes to another location."""

    code = "wrong_location"


class LocationNotFoundError(NotFoundError):
    """The location in the address of the request does not exist."""

    code = "location_not_found"


class InboundNotFoundError(NotFoundError):
    """The inbound does not exist."""

    code = "inbound_not_found"


class ReservationNotFoundError(NotFoundError):
    """The reservation does not exist."""

    code = "reservation_not_found"


class ReservationEndedError(ConflictError):
    """The reservation holds nothing any more."""

    code = "reservation_ended"


class StillWantedError(ConflictError):
    """The reservation of a live order holds no stock, and its units are still wanted."""

    code = "still_wanted"


class UnitsPickedError(ConflictError):
    """The reservation's units lie in a tote or parcel: they are cancelled and put back by scan."""

    code = "units_picked"


class InsufficientStockError(ConflictError):
    """There are not as many free units in that bucket as the act takes."""

    code = "insufficient_stock"


class InboundClosedError(ConflictError):
    """The inbound is closed: it receives nothing more."""

    code = "inbound_closed"


class NoStockRowError(ConflictError):
    """The SKU never lay at that location."""

    code = "no_stock_row"


class NotReservedError(ConflictError):
    """The line does not hold that many units at that location."""

    code = "not_reserved"


class SkuNotFoundError(NotFoundError):
    """The SKU in the address of the request does not exist."""

    code = "sku_not_found"


class PickListNotFoundError(NotFoundError):
    """The pick list in the address of the request does not exist."""

    code = "pick_list_not_found"


class FulfilmentNotFoundError(NotFoundError):
    """The fulfilment order in the address of the request does not exist."""

    code = "fulfilment_not_found"


class ParcelNotFoundError(NotFoundError):
    """No parcel has this id or tracking number."""

    code = "parcel_not_found"


class OrderNotInWarehouseError(NotFoundError):
    """The warehouse has no work for this order."""

    code = "order_not_in_warehouse"


class WrongItemError(ConflictError):
    """The scanned item is not wanted here; `expected` says what is."""

    code = "wrong_item"


class WrongToteError(ConflictError):
    """The item belongs into another tote; `expected` says which."""

    code = "wrong_tote"


class OverScanError(ConflictError):
    """More units than are wanted."""

    code = "over_scan"


class OnHoldError(ConflictError):
    """The order is on hold: nothing of it moves before the hold is released."""

    code = "on_hold"


class UnitsCancelledError(ConflictError):
    """The units were cancelled: put them back or leave them on the shelf."""

    code = "cancelled"


class NotYourListError(ConflictError):
    """The pick list is nobody's or another picker's."""

    code = "not_your_list"


class ListDoneError(ConflictError):
    """The pick list is done."""

    code = "list_done"


class NothingToUndoError(ConflictError):
    """No scan of this list can be taken back."""

    code = "nothing_to_undo"


class IncompleteError(ConflictError):
    """The order ships whole and units are still missing."""

    code = "incomplete"


class NothingToPackError(ConflictError):
    """No units lie in the tote, or none were scanned into the parcel."""

    code = "nothing_to_pack"


class VoidFirstError(ConflictError):
    """The parcel's label is live or being bought: have it voided before the parcel is opened."""

    code = "void_first"


class WrongParcelStateError(ConflictError):
    """The parcel is not in the state that this act needs."""

    code = "wrong_parcel_state"


class NothingHandedOverError(ConflictError):
    """Every parcel was refused; `refused` says why."""

    code = "nothing_handed_over"


class NothingToPutBackError(ConflictError):
    """The item was not cancelled here: it is not to be put back."""

    code = "nothing_to_put_back"

"""What a caller of the shipping service can act on."""

from shared.errors import ConflictError, DomainError, NotFoundError, UnauthenticatedError, UnavailableError


class ShipmentNotFoundError(NotFoundError):
    """There is no such shipment."""

    code = "shipment_not_found"


class LabelNotReadyError(ConflictError):
    """The carrier has not sold the label yet; ask again."""

    code = "label_not_ready"


class BookingRefusedError(ConflictError):
    """The carrier refused the parcel: mend what it says, then retry."""

    code = "booking_failed"


class FormatNotGivenError(NotFoundError):
    """The carrier does not give this label in that format."""

    code = "format_not_given"


class CarrierAwayError(UnavailableError):
    """The carrier does not answer, or not with what was asked for."""

    code = "carrier_away"


class NothingToVoidError(ConflictError):
    """The shipment has no live label, or has left with it."""

    code = "nothing_to_void"


class NotATestError(ConflictError):
    """Only a test order's parcel may be moved along by hand, and only outside production."""

    code = "not_a_test"


class ForgedMessageError(UnauthenticatedError):
    """The message is not signed by the carrier."""

    code = "signature_refused"


class UnreadableMessageError(DomainError):
    """The message is signed, but not of a shape we know."""

    status, code, title = 422, "message_not_understood", "Not understood"

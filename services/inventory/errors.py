"""What callers of the inventory service can act on."""

from shared.errors import ConflictError, InvalidError, NotFoundError


class UnknownSkuError(InvalidError):
    """A SKU nobody saved."""

    code = "unknown_sku"


class UnknownLocationError(InvalidError):
    """A location nobody saved."""

    code = "unknown_location"


class LocationNotFoundError(NotFoundError):
    """The location in the address of the request does not exist."""

    code = "location_not_found"


class InboundNotFoundError(NotFoundError):
    """The inbound does not exist."""

    code = "inbound_not_found"


class InsufficientStockError(ConflictError):
    """There are not as many free units in that bucket as the act takes."""

    code = "insufficient_stock"


class InboundClosedError(ConflictError):
    """The inbound is closed: it receives nothing more."""

    code = "inbound_closed"

"""Errors of the orders service that a caller can act on."""

from shared.errors import ConflictError, ForbiddenError, NotFoundError, RateLimitedError


class OrderNotFoundError(NotFoundError):
    """No such order, or another storefront's."""

    code = "order_not_found"


class StorefrontNotFoundError(NotFoundError):
    """No such storefront."""

    code = "storefront_not_found"


class KeyNotFoundError(NotFoundError):
    """No such API key."""

    code = "key_not_found"


class HoldNotFoundError(NotFoundError):
    """No such open hold."""

    code = "hold_not_found"


class CancellationNotFoundError(NotFoundError):
    """No such cancellation of this order."""

    code = "cancellation_not_found"


class ReferenceExistsError(ConflictError):
    """Another order of this storefront has the reference, with other content."""

    code = "reference_exists"


class CodeExistsError(ConflictError):
    """Another storefront has the code."""

    code = "code_exists"


class TooManyUnpaidError(RateLimitedError):
    """As many orders of this storefront wait for their money as may; each of them keeps stock from others."""

    code, title = "too_many_unpaid", "Too many unpaid orders"


class HoldExistsError(ConflictError):
    """The order is held for this reason already."""

    code = "hold_exists"


class TooLateError(ConflictError):
    """The order has moved on; `stage` says where it is, `still_possible` what can be done."""

    code = "too_late"


class OrderEndedError(ConflictError):
    """The order is completed, cancelled or rejected."""

    code = "order_ended"


class NothingToCancelError(ConflictError):
    """No unit of what was asked for can be cancelled any more, or all are already."""

    code = "nothing_to_cancel"


class TestKeyNeededError(ConflictError):
    """Only orders placed with a test key can be moved along."""

    code = "test_key_needed"


class ShipmentNotFoundError(NotFoundError):
    """No such shipment of this storefront."""

    code = "shipment_not_found"


class EndpointNotFoundError(NotFoundError):
    """No such webhook endpoint."""

    code = "webhook_endpoint_not_found"


class EventNotFoundError(NotFoundError):
    """No such event of this storefront, or it is no longer kept."""

    code = "event_not_found"


class CallerNotVerifiedError(ForbiddenError):
    """Personal data is changed on the word of a verified caller only."""

    code = "caller_not_verified"


class TooManyEndpointsError(ConflictError):
    """As many webhook endpoints of this storefront are active as may be."""

    code = "too_many_endpoints"


class CursorExpiredError(ConflictError):
    """The events after this cursor are no longer kept: read the orders instead."""

    status, code, title = 410, "cursor_expired", "Too old"

"""Refusals as the API words them: a code, a message and the fields that are wrong."""

from typing import TypedDict

from deploy.carrier_simulator.wire import FieldError


class _Error(TypedDict):
    code: str
    message: str
    errors: list[FieldError]


class ErrorBody(TypedDict):
    """The body of every refusal."""

    error: _Error


class CarrierError(Exception):
    """A request that the carrier refuses."""

    status = 422
    code = "BAD_REQUEST"
    message = "The request could not be processed."

    def __init__(self, errors: list[FieldError] | None = None, *, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.errors = errors or []

    def body(self) -> ErrorBody:
        """Say what is wrong."""
        return {"error": {"code": self.code, "message": str(self), "errors": self.errors}}


class ParameterMissingError(CarrierError):
    """A field is missing or blank."""

    code = "PARAMETER.REQUIRED"
    message = "Missing required parameter."


class ParameterInvalidError(CarrierError):
    """A field has a value that makes no sense."""

    code = "PARAMETER.INVALID"
    message = "Invalid parameter."


class UnauthorizedError(CarrierError):
    """The API key is missing or not ours."""

    status = 401
    code = "APIKEY.INACTIVE"
    message = "This api key is no longer active. Please use a different api key or reactivate this key."


class NotFoundError(CarrierError):
    """There is no such object."""

    status = 404
    code = "NOT_FOUND"
    message = "The requested resource could not be found."


class PayloadNotFoundError(NotFoundError):
    """There is no such payload of an event."""

    code = "PAYLOAD.NOT_FOUND"
    message = "The payload(s) could not be found."


class PostageExistsError(CarrierError):
    """The shipment already has its label."""

    code = "SHIPMENT.POSTAGE.EXISTS"
    message = "Postage already exists for shipment; this shipment has already been purchased."


class PostageFailureError(CarrierError):
    """No label can be sold for what was asked."""

    code = "SHIPMENT.POSTAGE.FAILURE"
    message = "Unable to purchase postage."


class RefundUnavailableError(CarrierError):
    """There is no label whose price could be given back."""

    code = "SHIPMENT.REFUND.UNAVAILABLE"
    message = "Refund is not available: the shipment has not been purchased."


class AddressUnverifiableError(CarrierError):
    """The address cannot be confirmed."""

    code = "ADDRESS.VERIFY.FAILURE"
    message = "Unable to verify address."


class RateLimitedError(CarrierError):
    """Too many requests."""

    status = 429
    code = "RATE_LIMITED"
    message = "You have been rate-limited. Please slow down."


class InternalError(CarrierError):
    """The carrier is in trouble."""

    status = 500
    code = "INTERNAL_SERVER_ERROR"
    message = "Something went wrong on our side. Please try again."

"""Errors a caller can act on, and how they look on the wire (RFC 9457 problem+json)."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field: a JSON pointer into the request, a code for programs, a sentence for people."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Something the caller can act on; subclasses set `status` (HTTP) and `code`.

    `extra` adds members to the problem, e.g. what is still possible.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request cannot be served"

    def __init__(
        self,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        extra: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.extra = extra or {}
        self.headers = headers or {}


class NotFoundError(DomainError):
    """No such thing, or not yours to see."""

    status, code, title = 404, "not_found", "Not found"


class InvalidError(DomainError):
    """Fields that cannot be accepted; `errors` names each with its reason."""

    status, code, title = 422, "invalid", "Some fields cannot be accepted"


class ConflictError(DomainError):
    """The thing is in a state that does not allow this."""

    status, code, title = 409, "conflict", "Not possible in this state"


class StaleError(DomainError):
    """The caller edited an older version (If-Match)."""

    status, code, title = 412, "stale", "Changed by somebody else"


class UnauthenticatedError(DomainError):
    """No valid credentials."""

    status, code, title = 401, "unauthenticated", "Sign in first"


class ForbiddenError(DomainError):
    """Valid credentials without the scope this needs."""

    status, code, title = 403, "forbidden", "Not allowed"


class TooLargeError(DomainError):
    """The body or the list is over the limit."""

    status, code, title = 413, "too_large", "Too large"


class TooLongError(DomainError):
    """The address is over the limit."""

    status, code, title = 414, "too_long", "Too long"


class RateLimitedError(DomainError):
    """Too many requests; `Retry-After` says when to come back."""

    status, code, title = 429, "rate_limited", "Too many requests"


class UnavailableError(DomainError):
    """A component is away; the same request may succeed later."""

    status, code, title = 503, "unavailable", "Try again later"


class PausedError(UnavailableError):
    """An operator paused this work."""

    code = "paused"


class IllegalMoveError(ConflictError):
    """A state transition of our own that the table does not allow."""

    code = "illegal_move"


class ConfigurationError(RuntimeError):
    """The process cannot start as it is configured; the message says what to set."""


class NotYetError(Exception):
    """An event's precondition has not arrived: park the streams named and go on with the rest.

    `keys` are the keys (order ids, SKUs) whose events must wait.
    """

    def __init__(self, keys: frozenset[str], reason: str) -> None:
        super().__init__(reason)
        self.keys = keys
        self.reason = reason

"""What can go wrong at the console, each with a sentence for the person in front of it."""

from shared.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)


class SignInNeededError(UnauthenticatedError):
    """Nobody is signed in, or the session has ended."""

    code = "sign_in_needed"


class WrongPasswordError(UnauthenticatedError):
    """Login and password do not belong together; which of them is wrong is not told."""

    code = "wrong_password"


class WeakPasswordError(InvalidError):
    """A password that is too easily guessed; the words say why."""

    code = "weak_password"


class LinkUsedError(NotFoundError):
    """The link to set a password was used, is too old, or never was one."""

    code = "link_used"


class ProviderRefusedError(UnauthenticatedError):
    """The identity provider's answer lets nobody in; the words say why."""

    code = "provider_refused"


class LockedOutError(RateLimitedError):
    """Too many wrong passwords for this login or from this address."""

    code = "locked_out"


class StaleFormError(ForbiddenError):
    """The form was not made for this session: another site's, or one of before the last sign-in."""

    code = "stale_form"


class ServiceAwayError(UnavailableError):
    """A service does not answer; `extra` names it."""

    code = "service_away"


class WorkPausedError(ServiceAwayError):
    """An operator paused what was asked for; `extra` names the service."""

    code = "paused"


class AnswerLostError(ServiceAwayError):
    """The request was sent and no answer came: it may have been done; sending it again is safe."""

    code = "answer_lost"


class NotAskedError(ConflictError):
    """An answer to a question that the customer's page does not ask now; the words say why."""

    code = "not_asked"


class RefusedError(DomainError):
    """A service refused; status and code are the service's, and the words too unless it was said here more plainly."""

    def __init__(self, status: int, code: str, detail: str, extra: dict[str, object] | None = None) -> None:
        super().__init__(detail, extra=extra)
        self.status, self.code = status, code  # type: ignore[misc]  # the service's, not the class's

    @property
    def is_quoted(self) -> bool:
        """Whether the words are the service's own: they came in its problem."""
        return bool(self.extra)

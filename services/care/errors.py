"""What a caller of the care service can act on."""

from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class CaseNotFoundError(NotFoundError):
    """There is no such case."""

    code = "case_not_found"


class NoCaseWaitingError(NotFoundError):
    """Nobody's help is needed right now: no case in this queue is free."""

    code = "queue_empty"


class RemedyNotFoundError(NotFoundError):
    """There is no such remedy."""

    code = "remedy_not_found"


class IncidentNotFoundError(NotFoundError):
    """There is no such incident."""

    code = "incident_not_found"


class OrderNotWatchedError(NotFoundError):
    """Care knows no such order."""

    code = "order_not_watched"


class CallerNotVerifiedError(ForbiddenError):
    """Who works no cases sees a customer's photo on the word of a verified caller only."""

    code = "caller_not_verified"


class CustomerErasedError(ConflictError):
    """The order's customer is forgotten: nothing more is kept of them."""

    code = "customer_erased"


class NotDeliveredError(ConflictError):
    """Only a parcel that was scanned as delivered can be missed after its delivery."""

    code = "not_delivered"


class CaseEndedError(ConflictError):
    """The case has ended; what is still wrong opens a new one."""

    code = "case_ended"


class CannotResolveError(ConflictError):
    """A case is resolved by an executed remedy or a stated reason, and with an informed customer."""

    code = "cannot_resolve"


class ReopenTooLateError(ConflictError):
    """A case is reopened within 7 days of its resolution."""

    code = "too_late_to_reopen"


class AlreadyMadeWholeError(ConflictError):
    """Each unit is made whole once."""

    code = "already_made_whole"


class RemedyDecidedError(ConflictError):
    """The remedy does not wait for a decision any more."""

    code = "remedy_decided"


class MessageNotFoundError(NotFoundError):
    """There is no such message."""

    code = "message_not_found"


class EvidenceNotFoundError(NotFoundError):
    """There is no such photo."""

    code = "evidence_not_found"


class TooManyPhotosError(ConflictError):
    """The order has as many photos as it may have."""

    code = "too_many_photos"


class PhotoRefusedError(InvalidError):
    """What was sent is no picture, or too large a one."""

    code = "photo_refused"


class NotSentError(ConflictError):
    """The message has not left, or is about to leave again."""

    code = "not_sent"


class NoAuthorityError(ForbiddenError):
    """The amount is over this person's limit, for one action or for the day."""

    code = "over_authority"


class OwnRemedyError(ForbiddenError):
    """The approver is another person than the one who asked."""

    code = "own_remedy"

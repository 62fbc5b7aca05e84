"""What went wrong on the customer's pages, in the customer's words: no service, no field and no page of the staff."""

import math
from collections.abc import Mapping

from services.console.errors import AnswerLostError, NotAskedError, RefusedError, StaleFormError
from services.console.rendering import say
from shared.errors import DomainError, ForbiddenError, InvalidError

_PUBLIC = "/track"
_TOO_MANY = 429
_BY_CODE: Mapping[str, str] = {
    AnswerLostError.code: "We do not know yet whether that arrived. Please send it again; it counts only once.",
    StaleFormError.code: "This page was open for too long. Please open it again and try once more.",
    "nothing_to_cancel": "There is nothing left that could be cancelled.",
    "order_not_watched": "Your order is still on its way to our customer care. Please try again in a minute.",
}
_BY_STATUS: Mapping[int, str] = {
    401: "This link is not valid, or has expired. Find your order by its number and postcode.",
    404: "This page does not exist, or the order is no longer here. Find your order by its number and postcode.",
    409: "That is no longer possible. Open your order's page again to see how it stands now.",
    413: "What you sent is too large: a photo may have at most 15 MB.",
    422: "Please look over what you chose and wrote: it cannot be kept like this.",
    500: "Something failed on our side, and it was noted. Please try again in a few minutes.",
    503: "We cannot look at your order right now. Nothing was changed; please try again in a few minutes.",
}
_TITLES: Mapping[int, str] = {
    401: "This link does not open your order",
    404: "There is nothing here",
    500: "Something failed on our side",
    503: "Not available right now",
}


def is_public(path: str) -> bool:
    """Say whether a page is a customer's."""
    return path == _PUBLIC or path.startswith(f"{_PUBLIC}/")


def words_of(error: DomainError) -> str:
    """Give the sentences that a customer reads."""
    if error.status == _TOO_MANY:
        minutes = math.ceil(int(error.headers.get("Retry-After", "60")) / 60)
        return say("Too many tries. Please wait {minutes} min and try again.", minutes=minutes)
    if error.code in _BY_CODE:
        return say(_BY_CODE[error.code])
    if _is_ours(error):
        return f"{error.detail[:1].upper()}{error.detail[1:].rstrip('.')}."
    return say(_BY_STATUS.get(error.status, "That did not work. Please try again."))


def _is_ours(error: DomainError) -> bool:
    """Whether its words were written for a customer: refused by these pages themselves, and not by a service."""
    written = isinstance(error, ForbiddenError | InvalidError | NotAskedError)
    return written and not isinstance(error, RefusedError) and not error.errors


def title_of(error: DomainError) -> str:
    """Give the heading of the page that says so."""
    return say(_TITLES.get(error.status, "That did not work"))

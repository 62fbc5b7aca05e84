"""Whether a customer must agree to a later date, until when, and what silence means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.care.states import Consent


@dataclass(frozen=True, slots=True)
class ConsentPack:
    """When a country's rule asks for an explicit yes: for a date later by more than `slip`, or from a revision on."""

    slip: timedelta
    from_revision: int
    answer_within: timedelta


# 16 CFR 435.2(b), mail order rule: silence consents to a first delay of up to 30 days, and to no other.
# In the European Union silence never cancels: who buys may (Directive 2011/83/EU, Article 18), and is told so.
PACKS: Mapping[str, ConsentPack] = {
    "US": ConsentPack(slip=timedelta(days=30), from_revision=3, answer_within=timedelta(days=7)),
}


@dataclass(frozen=True, slots=True)
class Revised:
    """A promise as it stands: which revision, since when, how much later than the first, to which one was agreed."""

    revision: int
    revised_at: datetime | None
    first_deliver_by: datetime
    deliver_by: datetime
    agreed_revision: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a customer stands to the date, and until when an answer counts where one is needed."""

    consent: Consent
    answer_by: datetime | None = None


def consent_to(promise: Revised, pack: ConsentPack | None, now: datetime, *, unsent: bool) -> Standing:
    """Say how a customer stands to the promise in force; `unsent` says that nothing of the order has left."""
    if not unsent or promise.revised_at is None or promise.deliver_by <= promise.first_deliver_by:
        return Standing(Consent.NOT_NEEDED)
    if promise.agreed_revision == promise.revision:
        return Standing(Consent.GIVEN)
    is_long = pack is not None and promise.deliver_by - promise.first_deliver_by > pack.slip
    if pack is None or not (is_long or promise.revision >= pack.from_revision):
        return Standing(Consent.IMPLIED)
    answer_by = promise.revised_at + pack.answer_within
    return Standing(Consent.AWAITED if now < answer_by else Consent.EXPIRED, answer_by)

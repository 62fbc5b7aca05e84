"""Whether and when a customer hears from us: dedupe, coalescing, a daily maximum, reasons kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.care.policy.priority import Priority
from services.care.states import ExceptionKind


class Topic(StrEnum):
    """What a message is about."""

    DELAY = "delay"
    NO_NEWS = "no_news"
    LOSS = "loss"
    DAMAGE = "damage"
    STOCK = "stock"
    DELIVERY_ATTEMPT = "delivery_attempt"
    DELIVERY_PROBLEM = "delivery_problem"
    RETURN = "return"
    REMEDY = "remedy"
    REPORT = "report"


TOPIC_OF: Mapping[ExceptionKind, Topic] = {
    ExceptionKind.PRESHIP_RISK: Topic.DELAY,
    ExceptionKind.TRANSIT_RISK: Topic.DELAY,
    ExceptionKind.FULFILMENT_OVERDUE: Topic.DELAY,
    ExceptionKind.PROMISE_BREACHED: Topic.DELAY,
    ExceptionKind.NO_FIRST_SCAN: Topic.NO_NEWS,
    ExceptionKind.STALLED: Topic.NO_NEWS,
    ExceptionKind.STUCK_FLOW: Topic.DELAY,
    ExceptionKind.DELIVERY_PROBLEM: Topic.DELIVERY_PROBLEM,
    ExceptionKind.ADDRESS_PROBLEM: Topic.DELIVERY_PROBLEM,
    ExceptionKind.FEED_SILENT: Topic.DELAY,
    ExceptionKind.VOIDED_LABEL_USED: Topic.DELAY,
    ExceptionKind.CARRIER_HOLD: Topic.DELIVERY_PROBLEM,
    ExceptionKind.UNKNOWN_CODE: Topic.DELAY,
    ExceptionKind.NO_CONSENT: Topic.DELAY,
    ExceptionKind.LOSS_SUSPECTED: Topic.LOSS,
    ExceptionKind.LOST: Topic.LOSS,
    ExceptionKind.DAMAGE: Topic.DAMAGE,
    ExceptionKind.WRONG_ITEM: Topic.REPORT,
    ExceptionKind.MISSING_ITEM: Topic.REPORT,
    ExceptionKind.NOT_RECEIVED: Topic.REPORT,
    ExceptionKind.SHORT_PICK: Topic.STOCK,
    ExceptionKind.BACKORDER_SLIP: Topic.STOCK,
    ExceptionKind.FAILED_ATTEMPT: Topic.DELIVERY_ATTEMPT,
    ExceptionKind.RETURNED_TO_SENDER: Topic.RETURN,
}


class Channel(StrEnum):
    """How a message travels; quiet hours bind neither, and come with the first channel that rings."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Silence(StrEnum):
    """Why a message is not sent."""

    STOREFRONT_WRITES = "storefront_writes: the storefront writes to its customers itself"
    SAME_NEWS = "same_news: this topic and promise revision were already told"
    TOO_SOON = "too_soon: the same topic within 24 hours, and nothing got a day worse"
    COALESCED = "coalesced: joined to a message about to leave"
    DELIVERED = "delivered: the parcel arrived before the message left"
    SUPERSEDED = "superseded: a newer promise revision has its own message"
    PAGE_ONLY = "page_only: the customer asked for no messages and reads the status page"
    NO_RECIPIENT = "no_recipient: the order has no contact point for any channel"
    HEALED = "healed: the trouble was over before the message left"
    CANCELLED = "cancelled: the order was cancelled before the message left"


COALESCE = timedelta(minutes=20)
AGAIN_AFTER = timedelta(hours=24)
WORSE_BY = timedelta(days=1)
MOST_PER_DAY = 2
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class News:
    """What we would like to tell: a topic under a promise revision, the date as it now stands, the state."""

    topic: Topic
    promise_revision: int
    promised_by: datetime | None
    state: str
    """What distinguishes two messages of a topic: the leading exception's kind, or the remedy."""

    def told_as(self, other: "News") -> bool:
        """Say whether telling `other` would repeat this."""
        mine = (self.topic, self.promise_revision, self.state)
        return mine == (other.topic, other.promise_revision, other.state)


@dataclass(frozen=True, slots=True)
class Told:
    """A message of the same order that left, or is about to."""

    news: News
    at: datetime
    waiting: bool = False
    joinable: bool = False
    """It waits, and nobody is sending it right now: it may tell more than it was planned for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Send at a moment, or be silent for a reason."""

    send_at: datetime | None
    silence: Silence | None = None


def _worse(news: News, told: News) -> bool:
    if news.state != told.state:
        return True
    if news.promised_by is None or told.promised_by is None:
        return False
    return news.promised_by >= told.promised_by + WORSE_BY


_TELLS_A_DATE = frozenset({Topic.DELAY, Topic.STOCK, Topic.NO_NEWS})
"""Topics whose message under a newer promise takes the place of the older one."""


def _gives_way(message: Told, news: News) -> bool:
    older = message.news.promise_revision < news.promise_revision
    return message.waiting and older and message.news.topic is news.topic and news.topic in _TELLS_A_DATE


def _silence(news: News, heard: Sequence[Told], now: datetime) -> Silence | None:
    # What waits under an older promise will not leave: it is no reason to be silent about the newer one.
    told = [message for message in heard if not _gives_way(message, news)]
    same_topic = [message for message in told if message.news.topic is news.topic]
    repeated = [message for message in same_topic if message.news.told_as(news)]
    if any(not message.waiting for message in repeated):
        return Silence.SAME_NEWS
    if repeated or any(message.joinable for message in same_topic):
        return Silence.COALESCED
    recent = [message for message in same_topic if message.at > now - AGAIN_AFTER]
    if recent and not _worse(news, max(recent, key=lambda message: message.at).news):
        return Silence.TOO_SOON
    return None


def _earliest(told: Sequence[Told], wanted: datetime) -> datetime:
    """Give the first moment from `wanted` on at which no more than the most messages leave within 24 hours."""
    leave_at = sorted(message.at for message in told)
    full_until = leave_at[-MOST_PER_DAY] + _A_DAY if len(leave_at) >= MOST_PER_DAY else wanted
    return max(wanted, full_until)


def plan_message(
    news: News,
    told: Sequence[Told],
    now: datetime,
    priority: Priority,
    *,
    storefront_writes: bool = False,
    page_only: bool = False,
) -> Plan:
    """Decide about one piece of news; less than P1 waits a little so that parcels share one message.

    What comes after the most messages of a day waits for the next.
    """
    if storefront_writes:
        return Plan(None, Silence.STOREFRONT_WRITES)
    if page_only:
        return Plan(None, Silence.PAGE_ONLY)
    silence = _silence(news, told, now)
    if silence is not None:
        return Plan(None, silence)
    others = [message for message in told if not _gives_way(message, news)]
    return Plan(_earliest(others, now if priority is Priority.P1 else now + COALESCE))


@dataclass(frozen=True, slots=True)
class AtSending:
    """How the order stands in the moment a message leaves."""

    promise_revision: int
    delivered: bool
    cancelled: bool
    healed: bool = False
    retold: bool = False
    """A message of the same topic under a newer promise was sent, or is about to be."""


_MOOT_WHEN_DELIVERED = frozenset(
    {
        Topic.DELAY,
        Topic.NO_NEWS,
        Topic.LOSS,
        Topic.STOCK,
        Topic.DELIVERY_ATTEMPT,
        Topic.DELIVERY_PROBLEM,
        Topic.RETURN,
    }
)


def still_true(news: News, now_stands: AtSending) -> Silence | None:
    """Look again at sending: drop what was superseded, delivered or cancelled in the meantime."""
    if now_stands.delivered and news.topic in _MOOT_WHEN_DELIVERED:
        return Silence.DELIVERED
    if now_stands.healed:
        return Silence.HEALED
    if now_stands.cancelled and news.topic is not Topic.REMEDY:
        return Silence.CANCELLED
    outdated = news.topic is Topic.DELAY and now_stands.promise_revision > news.promise_revision
    if outdated or (now_stands.retold and news.topic in _TELLS_A_DATE):
        return Silence.SUPERSEDED
    return None


NOT_TOLD = frozenset(
    {
        ExceptionKind.STUCK_FLOW,
        ExceptionKind.FULFILMENT_OVERDUE,
        ExceptionKind.FEED_SILENT,
        ExceptionKind.UNKNOWN_CODE,
        ExceptionKind.NO_CONSENT,
    }
)
"""What does not move the customer's date, or is told by its remedy alone: no message, and no clock for one."""

"""Messages to customers: planned within policy, or kept silent with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.care.actions import clockwork
from services.care.actions.basis import gathered
from services.care.channels.wording import remedies_told
from services.care.clocks import ClockMove
from services.care.models import Case, Message
from services.care.policy.messages import COALESCE, Channel, News, Silence, Told, Topic, plan_message
from services.care.policy.priority import Priority
from services.care.queries import customers
from services.care.queries import remedies as queries
from services.care.settings import MessageWebhook, settings
from services.care.states import MESSAGES, ClockKind, MessageState
from shared.db import Transaction
from shared.ids import new_id
from shared.switches import EVERYWHERE

STOREFRONT = "storefront"


@dataclass(frozen=True, slots=True)
class Tidings:
    """What is to be told about an order, and the facts that fill the words."""

    topic: Topic
    state: str
    facts: Mapping[str, object]
    priority: Priority = Priority.P3


def webhook_of(storefront_id: UUID) -> MessageWebhook | None:
    """Give where a storefront takes news, if it does."""
    webhooks = settings().message_webhooks
    return webhooks.get(str(storefront_id)) or webhooks.get(EVERYWHERE)


def move_message(message: Message, new: MessageState) -> None:
    """Change a message's state; raises IllegalMoveError."""
    MESSAGES.check(MessageState(message.state), new)
    message.state = new.value


def news_of(message: Message) -> News:
    """Give what a message tells."""
    return News(Topic(message.topic), message.promise_revision, message.promised_by, message.state_told)


def _told(message: Message, joinable: UUID | None) -> Told:
    waiting = message.state == MessageState.PLANNED
    at = message.sent_at or message.send_at or message.created_at
    return Told(news_of(message), at, waiting, message.id == joinable)


async def plan(tx: Transaction, watch: asyncpg.Record, case: Case | None, tidings: Tidings) -> Message:
    """Plan one message, or store why it is not sent."""
    news = News(tidings.topic, watch["promise_revision"], watch["deliver_by"], tidings.state)
    joinable = await queries.lock_joinable(tx, watch["order_id"], tidings.topic.value)
    heard = await queries.get_told(tx, watch["order_id"])
    told = [_told(message, joinable) for message in heard]
    storefront_writes = watch["notifications"] == STOREFRONT
    by_webhook = storefront_writes and webhook_of(watch["storefront_id"]) is not None
    unheard = storefront_writes and not by_webhook
    page_only = await customers.get_word(tx, watch["order_id"], "notices") == "page"
    decided = plan_message(news, told, tx.now, tidings.priority, storefront_writes=unheard, page_only=page_only)
    message = Message(
        id=new_id(),
        order_id=watch["order_id"],
        case_id=case.id if case is not None else None,
        storefront_id=watch["storefront_id"],
        topic=tidings.topic.value,
        state_told=tidings.state,
        promise_revision=watch["promise_revision"],
        promised_by=watch["deliver_by"],
        priority=tidings.priority.value,
        channel=(Channel.WEBHOOK if by_webhook else Channel.EMAIL).value,
        state=(MessageState.SUPPRESSED if decided.silence else MessageState.PLANNED).value,
        silence=decided.silence.value if decided.silence else "",
        facts={"order_number": watch["number"], **tidings.facts},
        created_at=tx.now,
        send_at=gathered(decided.send_at) if decided.send_at is not None else None,
    )
    tx.session.add(message)
    if decided.silence is Silence.COALESCED:
        for waiting in heard:
            if waiting.id == joinable and not news_of(waiting).told_as(news):
                _tell_also(waiting, message)
    if case is not None and decided.silence in _TOLD_ANYWAY:
        await _knows_anyway(tx, case, decided.silence)
    return message


def _tell_also(waiting: Message, newer: Message) -> None:
    """Let a message that is about to leave tell the newer state too, and every remedy of both."""
    remedies = dict.fromkeys((*remedies_told(waiting.facts), *remedies_told(newer.facts)))
    waiting.facts = {**waiting.facts, **newer.facts, "remedies": list(remedies)}
    waiting.state_told, waiting.priority = newer.state_told, min(waiting.priority, newer.priority)
    if newer.priority == Priority.P1 and waiting.send_at is not None and waiting.send_at <= newer.created_at + COALESCE:
        waiting.send_at = gathered(newer.created_at)
    waiting.promise_revision, waiting.promised_by = newer.promise_revision, newer.promised_by


async def _knows_anyway(tx: Transaction, case: Case, silence: Silence) -> None:
    if case.informed_at is None:
        case.informed_at, case.informed_how = tx.now, silence.value
    await clockwork.move_clocks(tx, case, (ClockKind.NOTIFY,), ClockMove.FULFIL)


_TOLD_ANYWAY = frozenset({Silence.STOREFRONT_WRITES, Silence.SAME_NEWS, Silence.TOO_SOON, Silence.PAGE_ONLY})
"""Silences under which the customer knows already, or hears it from the storefront."""

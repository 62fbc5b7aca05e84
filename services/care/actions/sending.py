"""Sending messages: looked at again when their time comes, the recipient fetched at that moment and not kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from services.care.actions import clockwork, ledger
from services.care.actions.basis import gathered
from services.care.actions.messages import move_message, news_of, webhook_of
from services.care.actions.settling import settle_case
from services.care.channels import mail, webhook, wording
from services.care.channels.mail import MailRefusedError, MailServer
from services.care.channels.wording import Reader, Words
from services.care.clocks import ClockMove
from services.care.models import Case, Message
from services.care.policy.messages import AtSending, Channel, Silence, Topic, still_true
from services.care.queries import cases as case_queries
from services.care.queries import customers
from services.care.queries import remedies as queries
from services.care.queries.facts import get_watch, lock_watch
from services.care.settings import settings
from services.care.states import ACTIVE_STATES, CaseState, ClockKind, MessageState
from shared.audit import audit
from shared.auth import Role, mint_link, mint_token
from shared.db import Transaction
from shared.events.care import CustomerNotified
from shared.http import HttpClient, HttpStatusError
from shared.jobs import Outcome, lease_until
from shared.settings import platform

_BATCH = 50
_GONE = frozenset({404, 410})
_TOO_MANY, _SERVER_ERROR = 429, 500
# A server that asks to come back later (RFC 6647, greylisting) means minutes; one that is full, hours.
_FIRST_RETRY, _LAST_RETRY = timedelta(minutes=2), timedelta(hours=4)
_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
"""Between two looks whether who was away is back: half as long as the message waits already, within these."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a claimed message needs to leave."""

    message_id: UUID
    key: UUID
    """Under which it leaves: whoever gets it a second time knows it by this."""
    order_id: UUID
    storefront_id: UUID
    channel: Channel
    topic: Topic
    facts: dict[str, object]
    promised_by: datetime | None
    has_left: bool = False
    """Before a restore: it is noted, and not sent again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What left, in the words that are kept: nobody's name, address or link; or why nothing could."""

    words: Words | None
    channel: Channel = Channel.EMAIL
    silence: Silence | None = None


async def claim(tx: Transaction) -> list[Letter]:
    """Claim messages whose time has come; drop those that stopped being true, note those only observed."""
    messages = await queries.lock_due_messages(tx, _BATCH)
    keys = await queries.get_keys(tx, [message.id for message in messages])
    left = await queries.which_left(tx, list(keys.values()))
    letters = []
    for message in messages:
        silence = await _silence_now(tx, message)
        if silence is not None:
            move_message(message, MessageState.SUPPRESSED)
            message.silence = silence.value
        elif settings().messages == "observe":
            await _note_observed(tx, message)
        else:
            message.leased_until, message.attempts = lease_until(), message.attempts + 1
            letters.append(_letter(message, keys[message.id], left))
    return letters


def _letter(message: Message, key: UUID, left: Collection[UUID]) -> Letter:
    return Letter(
        message_id=message.id,
        key=key,
        order_id=message.order_id,
        storefront_id=message.storefront_id,
        channel=Channel(message.channel),
        topic=Topic(message.topic),
        facts=message.facts,
        promised_by=message.promised_by,
        has_left=key in left,
    )


async def _silence_now(tx: Transaction, message: Message) -> Silence | None:
    watch = await get_watch(tx, message.order_id)
    if watch is None:
        return Silence.CANCELLED
    if message.resend_of is not None:
        return None
    delivered = await _has_arrived(tx, message, order_delivered=watch["outcome"] == "delivered")
    cancelled = watch["outcome"] == "cancelled"
    healed, retold = await _has_healed(tx, message), await queries.is_retold(tx, message)
    return still_true(news_of(message), AtSending(watch["promise_revision"], delivered, cancelled, healed, retold))


async def _has_arrived(tx: Transaction, message: Message, *, order_delivered: bool) -> bool:
    """Judge by the parcels the message's case is about; of a part that arrived the other part knows nothing."""
    if message.case_id is None:
        return order_delivered
    arrived = await case_queries.have_arrived(tx, message.case_id, order_delivered=order_delivered)
    return order_delivered if arrived is None else arrived


async def _has_healed(tx: Transaction, message: Message) -> bool:
    if message.case_id is None:
        return False
    return (await case_queries.get_case(tx, message.case_id)).state == CaseState.SELF_HEALED


async def _note_observed(tx: Transaction, message: Message) -> None:
    words = wording.write(Topic(message.topic), message.facts, message.promised_by, Reader())
    move_message(message, MessageState.OBSERVED)
    message.subject, message.body, message.sent_at = words.subject, words.body, tx.now
    await _informed(tx, message, "observed")


@lru_cache(maxsize=1)
def orders_client() -> HttpClient:
    """Give the client by which recipients are asked for."""
    return HttpClient("orders", platform().orders_url)


def _mail_server() -> MailServer:
    given = settings()
    return MailServer(
        host=given.smtp_host,
        port=given.smtp_port,
        sender=given.sender,
        username=given.smtp_username,
        password=given.smtp_password.get_secret_value(),
        starttls=given.smtp_starttls,
        timeout_seconds=given.smtp_timeout_seconds,
    )


async def call(letter: Letter) -> Sent:
    """Send by e-mail, else by the storefront's webhook; its key makes a second try the same message."""
    recipient = await _recipient(letter.order_id)
    email = recipient.get("email") if letter.channel is Channel.EMAIL else None
    name = str(recipient.get("name") or "") if letter.channel is Channel.EMAIL else ""
    language = wording.CATALOGUES.choose([str(recipient.get("locale") or "")])
    words = _write(letter, Reader(name, link_to(letter.order_id), language))
    # Who reads what was told must not learn who the customer is, nor act as them.
    kept = _write(letter, Reader(language=language))
    if letter.has_left:
        return Sent(kept, letter.channel)
    if email:
        await mail.send(_mail_server(), str(email), words, str(letter.key))
        return Sent(kept)
    endpoint = webhook_of(letter.storefront_id)
    if endpoint is None:
        return Sent(None, silence=Silence.NO_RECIPIENT)
    news = {**letter.facts, "order_id": letter.order_id, "topic": letter.topic, "promised_by": letter.promised_by}
    news["language"] = language
    payload = webhook.payload_of(news, words, str(letter.key))
    await webhook.send(str(endpoint.url), endpoint.secret.get_secret_value(), payload, str(letter.key))
    return Sent(kept, Channel.WEBHOOK)


def _write(letter: Letter, reader: Reader) -> Words:
    return wording.write(letter.topic, letter.facts, letter.promised_by, reader)


def link_to(order_id: UUID) -> str:
    """Give the signed address of an order's status page; nothing when customers have none."""
    if not settings().status_url:
        return ""
    key = platform().service_private_key.get_secret_value()
    token = mint_link(key, order_id, timedelta(days=settings().status_link_days))
    return f"{str(settings().status_url).rstrip('/')}/track/orders/{token}"


async def _recipient(order_id: UUID) -> dict[str, object]:
    """Ask orders for the recipient, at the moment of use; nothing when the order is forgotten."""
    key = platform().service_private_key.get_secret_value()
    token = mint_token(key, subject="care", role=Role.SERVICE)
    try:
        answer = await orders_client().request(
            "GET", f"/internal/orders/{order_id}/recipient", headers={"authorization": f"Bearer {token}"}
        )
    except HttpStatusError as error:
        if error.status in _GONE:
            return {}
        raise
    recipient = answer.json()
    return recipient if isinstance(recipient, dict) else {}


async def record(tx: Transaction, letter: Letter, outcome: Outcome[Sent]) -> None:
    """Note that a message left, could not, or is tried again; the words are kept, the address is not."""
    await lock_watch(tx, letter.order_id)  # first, as whoever looks at the order does: both go on to its cases
    message = await queries.lock_message(tx, letter.message_id)
    if message is None or message.state != MessageState.PLANNED:
        return
    sent = outcome.result
    if sent is not None and sent.words is not None:
        move_message(message, MessageState.SENT)
        message.sent_at, message.leased_until = tx.now, None
        if not await customers.is_erased(tx, message.order_id):  # it may have been, while the message was on its way
            message.subject, message.body = sent.words.subject, sent.words.body
        message.channel = sent.channel.value
        await _informed(tx, message, message.channel)
    elif sent is not None and sent.silence is not None:
        move_message(message, MessageState.SUPPRESSED)
        message.silence = sent.silence.value
    else:
        message.last_error, message.leased_until = str(outcome.error)[:500], None
        await _try_again(tx, message, outcome.error)


async def note_left(tx: Transaction, keys: Sequence[UUID], *, actor: str, reason: str) -> int:
    """After a restore, take what the mail log shows for sent, whenever it is planned again; gives how many are new."""
    noted = await queries.keep_left(tx, keys)
    await audit(tx, actor=actor, act="messages.left", subject="messages", reason=reason, change=(None, noted))
    return noted


def _is_away(error: Exception | None) -> bool:
    """Say whether nobody was there to refuse: no connection, no answer, or a server that serves nobody now."""
    if isinstance(error, HttpStatusError):
        return error.status >= _SERVER_ERROR or error.status == _TOO_MANY
    return isinstance(error, OSError)


async def _try_again(tx: Transaction, message: Message, error: Exception | None) -> None:
    """Put a message off, or give it up: refused for good, refused too often, or nobody there for too long."""
    waits = tx.now - max(message.send_at or message.created_at, message.created_at)
    if _is_away(error):
        message.attempts -= 1
        pause = min(max(waits / 2, _SHORTEST_WAIT), _LONGEST_WAIT)
    else:
        pause = min(_FIRST_RETRY * 2 ** (message.attempts - 1), _LAST_RETRY)
    tried_enough = message.attempts >= settings().message_attempts or waits >= settings().message_patience
    if not isinstance(error, MailRefusedError) and not tried_enough:
        message.retry_at = gathered(tx.now + pause)
        return
    move_message(message, MessageState.FAILED)
    if message.case_id is not None:
        await _leave_to_people(tx, await case_queries.lock_case(tx, message.case_id), message)


async def _leave_to_people(tx: Transaction, case: Case, message: Message) -> None:
    """Let somebody tell the customer what no message could."""
    ledger.note(tx, case, ledger.PLAYBOOK, "could not inform the customer", f"{message.topic}: {message.last_error}")
    if CaseState(case.state) not in ACTIVE_STATES:
        return
    await ledger.put_back_to_work(tx, case, ledger.PLAYBOOK, "the customer could not be informed")
    case.next_action, case.next_action_by = "inform the customer another way: the message failed", "agent"
    ledger.tell(tx, case)


async def _informed(tx: Transaction, message: Message, how: str) -> None:
    """Note in the order's open cases that the customer knows, and end those that waited for it."""
    tx.publish(
        CustomerNotified(
            order_id=message.order_id,
            message_id=message.id,
            topic=message.topic,
            channel=how,
            promise_revision=message.promise_revision,
        )
    )
    for case in await case_queries.lock_informed_cases(tx, message):
        if CaseState(case.state) not in ACTIVE_STATES:
            continue
        if case.informed_at is None:
            case.informed_at, case.informed_how = tx.now, how
        await clockwork.move_clocks(tx, case, (ClockKind.NOTIFY,), ClockMove.FULFIL)
        ledger.note(tx, case, ledger.PLAYBOOK, "informed the customer", message.topic)
        await settle_case(tx, case)

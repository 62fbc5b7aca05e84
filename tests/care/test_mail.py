"""Mail to customers: a refusal for good is final, a refusal for now is tried again, and then given up."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from email import message_from_string, policy
from pathlib import Path
from runpy import run_path

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from services import care as care_service
from services.care.channels import wording
from services.care.policy.messages import Topic
from shared.auth import Role
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, MINUTE, Json, Order, now
from tests.care.rig import MONDAY, CareRig, running_care
from tests.own_database import own_database
from tests.waiting import wait_until


class MailServer:
    """Answers each recipient with the next of the given codes, the last one for ever, and keeps what it accepts."""

    def __init__(self, answers: Iterable[bytes]) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.accepted: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self.accepted.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            writer.write(self._recipient() if verb == b"RCPT" else b"250 OK\r\n")
            if verb == b"QUIT":
                break
        writer.close()

    def _recipient(self) -> bytes:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return answer + b" as the test says\r\n"


def orders_service(locale: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Be orders, which knows the recipient."""
    recipient = json.dumps({"email": "ann@example.org", "name": "Ann", "locale": locale}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
        writer.write(head + b"content-length: %d\r\n\r\n" % len(recipient) + recipient)
        await writer.drain()
        writer.close()

    return answer


@asynccontextmanager
async def mailing_care(
    stack: LocalStack, home: Path, monkeypatch: pytest.MonkeyPatch, post: MailServer, *, locale: str = "", **more: str
) -> AsyncIterator[CareRig]:
    smtp = await asyncio.start_server(post.serve, "127.0.0.1", 0)
    orders = await asyncio.start_server(orders_service(locale), "127.0.0.1", 0)
    environment = {
        "CARE_SMTP_HOST": "127.0.0.1",
        "CARE_SMTP_PORT": str(smtp.sockets[0].getsockname()[1]),
        "CARE_MESSAGE_ATTEMPTS": "3",
        "DOORSTEP_ORDERS_URL": f"http://127.0.0.1:{orders.sockets[0].getsockname()[1]}",
        **more,
    }
    async with smtp, orders, running_care(stack, home, monkeypatch, **environment) as care:
        yield care


async def told(care: CareRig, state: str) -> Json:
    """Tell of damage and wait until the message is in a state."""
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await care.later(25 * MINUTE)

    async def arrived() -> Json | None:
        await care.later(HOUR)
        (message,) = await care.rows("select * from message where order_id = $1", order.order_id)
        return message if message["state"] == state else None

    message = await wait_until(arrived, what=f"the message is {state}")
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("answers", "state", "asked"),
    [
        pytest.param([b"250"], "sent", 1, id="accepted"),
        pytest.param([b"550"], "failed", 1, id="refused for good"),
        pytest.param([b"451", b"250"], "sent", 2, id="refused for now"),
        pytest.param([b"451"], "failed", 3, id="refused again and again"),
    ],
)
async def test_a_mail_is_tried_again_only_while_that_may_help(
    stack: LocalStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[bytes],
    state: str,
    asked: int,
) -> None:
    post = MailServer(answers)
    async with mailing_care(stack, tmp_path, monkeypatch, post) as care:
        message = await told(care, state)
        case = await care.case(message["order_id"], family="condition")
    assert (post.asked, message["attempts"]) == (asked, asked)
    assert len(post.accepted) == len(ids_of(post)) == (state == "sent")
    assert (case["informed_at"] is not None) is (state == "sent")
    assert ("as the test says" in message["last_error"]) is (state == "failed" or asked > 1)


async def test_of_a_sent_mail_neither_the_name_nor_the_link_is_kept_and_its_words_are_for_support(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = MailServer([b"250"])
    async with mailing_care(stack, tmp_path, monkeypatch, post, CARE_STATUS_URL="https://status.example.com") as care:
        message = await told(care, "sent")
        seen = {
            role: (await care.get("/messages", role, order_id=str(message["order_id"])))["data"][0]
            for role in (Role.SUPPORT, Role.OPERATOR, Role.WAREHOUSE_LEAD)
        }
    (mail,) = post.accepted
    assert "Hello Ann," in mail
    assert "https://status.example.com/track/orders/" in mail
    assert message["body"].startswith("Hello,\n\nthe parcel of your order")
    assert "Ann" not in message["body"]
    assert "/track/" not in message["body"]
    assert {role: one["body"] for role, one in seen.items()} == {
        Role.SUPPORT: message["body"], Role.OPERATOR: "", Role.WAREHOUSE_LEAD: "",
    }  # fmt: skip
    assert {one["subject"] for one in seen.values()} == {message["subject"]}


async def test_a_mail_is_written_in_the_language_the_order_was_placed_in(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = MailServer([b"250"])
    async with mailing_care(stack, tmp_path, monkeypatch, post, locale="de-AT") as care:
        message = await told(care, "sent")
    (mail,) = post.accepted
    read = message_from_string(mail, policy=policy.default)
    assert read["Subject"] == message["subject"]
    assert read.get_content().splitlines()[2] == message["body"].splitlines()[2]
    assert read.get_content().startswith("Guten Tag Ann,")
    assert message["body"].startswith("Guten Tag,\n\ndas Paket Ihrer Bestellung"), "kept as it was told"


async def test_what_an_older_version_kept_of_a_mail_loses_the_name_and_the_link(stack: LocalStack) -> None:
    reader = wording.Reader("Ann", "https://shop.example/track/orders/e.y")
    words = wording.write(Topic.DELAY, {"order_number": "A1"}, MONDAY, reader)
    async with own_database(stack, "care") as url:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "insert into message (id, order_id, storefront_id, topic, state_told, promise_revision, priority, channel, "
            "state, silence, facts, subject, body, created_at, attempts, last_error, asked_by) values (gen_random_uuid"
            "(), gen_random_uuid(), gen_random_uuid(), 'delay', '', 1, 'P3', 'email', 'sent', '', '{}', '', $1, now(), "
            "1, '', '')",
            words.body,
        )
        for statement in _statements("0013_impersonal_words"):
            await connection.execute(statement)
        kept = await connection.fetchval("select body from message")
        await connection.close()
    assert kept == wording.write(Topic.DELAY, {"order_number": "A1"}, MONDAY, wording.Reader()).body


def _statements(migration: str) -> tuple[str, ...]:
    """Give what a migration of care runs; its name is no module's."""
    folder = Path(str(care_service.__path__[0])) / "migrations" / "versions"
    found: tuple[str, ...] = run_path(str(folder / f"{migration}.py"))["_STATEMENTS"]
    return found


AWAY = {"the mail server": {"CARE_SMTP_PORT": "9"}, "orders": {"DOORSTEP_ORDERS_URL": "http://127.0.0.1:9"}}


@pytest.mark.parametrize("who", AWAY)
async def test_nobody_there_is_no_refusal_and_after_days_a_person_tells_the_customer(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    async with mailing_care(stack, tmp_path, monkeypatch, MailServer([b"250"]), **AWAY[who]) as care:
        order = Order(care, value=120_00, promised_in=60 * DAY)
        await (await order.placed()).handed_over()
        await order.scanned(flags=("damaged",), exception="damage")
        for _ in range(20):
            await care.later(HOUR)
        (waiting,) = await care.rows("select * from message where order_id = $1 and topic = 'damage'", order.order_id)
        assert (waiting["state"], waiting["attempts"]) == ("planned", 0)
        assert MINUTE <= waiting["retry_at"] - now() <= HOUR
        await care.later(2 * DAY)
        await care.later(DAY)
        (given_up,) = await care.rows("select * from message where order_id = $1 and topic = 'damage'", order.order_id)
        case = await care.case(order.order_id, family="condition")
    assert (given_up["state"], given_up["attempts"]) == ("failed", 0)
    assert given_up["last_error"]
    assert case["next_action"] == "inform the customer another way: the message failed"


async def restore_to_before_it_left(care: CareRig, message: Json) -> None:
    """Plan a message that left as if a database that never heard of it planned it again."""
    await care.rows(
        "update message set id = $2, state = 'planned', sent_at = null, attempts = 0 where id = $1 returning id",
        message["id"], new_id(),
    )  # fmt: skip


def ids_of(post: MailServer) -> list[str]:
    return [line.partition("<")[2].partition("@")[0] for mail in post.accepted for line in mail.splitlines()
            if line.startswith("Message-ID:")]  # fmt: skip


async def test_what_a_restored_database_sends_again_is_the_same_mail(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = MailServer([b"250"])
    async with mailing_care(stack, tmp_path, monkeypatch, post) as care:
        await restore_to_before_it_left(care, await told(care, "sent"))
        await care.later(HOUR)

        first, again = ids_of(post)
        assert first == again


async def test_what_the_mail_log_shows_to_have_left_is_not_sent_again_and_its_case_is_informed(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = MailServer([b"250"])
    async with mailing_care(stack, tmp_path, monkeypatch, post) as care:
        message = await told(care, "sent")
        await restore_to_before_it_left(care, message)
        await care.rows("update care_case set informed_at = null where id = $1 returning id", message["case_id"])

        body = {"keys": [*ids_of(post), str(new_id())], "reason": "restored; the mail log of that hour"}
        assert await care.act("/messages/left", body, role=Role.OPERATOR) == {"count": 2}
        assert await care.act("/messages/left", body, role=Role.OPERATOR) == {"count": 0}
        await care.later(HOUR)

        assert len(post.accepted) == 1
        assert [row["state"] for row in await care.rows("select state from message")] == ["sent"]
        assert (await care.case(message["order_id"]))["informed_at"] is not None

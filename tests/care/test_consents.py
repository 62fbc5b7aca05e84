"""Consent to a later date: whose silence means yes, whose means no, until when, and what follows unasked."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.care.channels import wording
from services.care.policy.consent import PACKS, ConsentPack, Revised, Standing, consent_to
from services.care.policy.messages import Topic
from services.care.rules import evaluate
from services.care.rules.facts import PromiseFacts
from services.care.states import Consent, ExceptionKind
from shared.auth import Role
from shared.clock import now
from shared.ids import new_id
from tests.care.conftest import DAY, Order
from tests.care.rig import CareRig
from tests.care.test_detection_rules import BASIS, IN_HOUSE, MONDAY, PARCEL
from tests.clients import Clients
from tests.waiting import wait_until

PACK = ConsentPack(slip=timedelta(days=30), from_revision=3, answer_within=timedelta(days=7))
FIRST = MONDAY + 5 * DAY
LATE = Revised(2, MONDAY, FIRST, FIRST + 31 * DAY, agreed_revision=None)


@pytest.mark.parametrize(
    ("promise", "pack", "unsent", "consent"),
    [
        (replace(LATE, revised_at=None, revision=1), PACK, True, Consent.NOT_NEEDED),
        (replace(LATE, deliver_by=FIRST), PACK, True, Consent.NOT_NEEDED),
        (LATE, PACK, False, Consent.NOT_NEEDED),
        (LATE, None, True, Consent.IMPLIED),
        (replace(LATE, deliver_by=FIRST + 30 * DAY), PACK, True, Consent.IMPLIED),
        (LATE, PACK, True, Consent.AWAITED),
        (replace(LATE, deliver_by=FIRST + DAY, revision=3), PACK, True, Consent.AWAITED),
        (replace(LATE, agreed_revision=1), PACK, True, Consent.AWAITED),
        (replace(LATE, agreed_revision=2), PACK, True, Consent.GIVEN),
    ],
)
def test_how_a_customer_stands_to_a_later_date(
    promise: Revised, pack: ConsentPack | None, unsent: bool, consent: Consent
) -> None:
    standing = consent_to(promise, pack, MONDAY, unsent=unsent)
    assert standing.consent is consent
    assert (standing.answer_by is not None) == (consent is Consent.AWAITED)


def test_an_answer_counts_until_its_moment_and_not_after() -> None:
    ends = MONDAY + 7 * DAY
    assert consent_to(LATE, PACK, ends - timedelta(seconds=1), unsent=True) == Standing(Consent.AWAITED, ends)
    assert consent_to(LATE, PACK, ends, unsent=True) == Standing(Consent.EXPIRED, ends)


def test_the_rule_looks_again_when_the_time_is_over_and_sees_that_nobody_agreed() -> None:
    late = replace(
        IN_HOUSE,
        country="US",
        promise=PromiseFacts(2, MONDAY + 30 * DAY, FIRST + 31 * DAY, FIRST, MONDAY),
    )
    ends = MONDAY + PACKS["US"].answer_within

    def sees(facts: object, at: datetime) -> bool:
        verdict = evaluate(facts, at, BASIS)  # type: ignore[arg-type]
        return ExceptionKind.NO_CONSENT in {found.kind for found in verdict.findings}

    waiting = evaluate(late, ends - timedelta(hours=1), BASIS)
    assert waiting.next_check_at is not None
    assert waiting.next_check_at <= ends
    assert not sees(late, ends - timedelta(hours=1))
    assert sees(late, ends)
    assert late.promise is not None
    assert not sees(replace(late, promise=replace(late.promise, agreed_revision=2)), ends)
    assert not sees(replace(late, country="DE"), ends)
    assert not sees(replace(late, parcels=(PARCEL,)), ends), "what is under way is not cancelled"


def test_the_message_says_what_silence_means() -> None:
    implied = wording.write(Topic.DELAY, {"order_number": "A-1"}, MONDAY, wording.Reader()).body
    assert "If you do nothing, we send it by then." in implied
    asked = {"order_number": "A-1", "answer_by": "2026-11-23T09:00:00+00:00"}
    awaited = wording.write(Topic.DELAY, asked, MONDAY, wording.Reader()).body
    assert "Please tell us by Monday, 23 November 2026, 09:00 UTC whether you wait for it" in awaited
    assert "we cancel what was not sent, and you do not pay for it" in awaited


async def _revised_far(care: CareRig, country: str) -> Order:
    order = Order(care, country=country, promised_in=5 * DAY)
    await order.placed()
    await order.promise_revised(45)
    return order


async def test_when_nobody_answers_what_was_not_sent_is_cancelled_unasked(care: CareRig) -> None:
    order = await _revised_far(care, "US")
    (message,) = await care.rows("select facts from message where order_id = $1 and topic = 'delay'", order.order_id)
    due = datetime.fromisoformat(message["facts"]["answer_by"])
    assert due - now() == 7 * DAY

    await care.later(7 * DAY - timedelta(hours=2))
    assert await care.rows("select 1 from remedy where order_id = $1 and kind = 'cancel_line'", order.order_id) == []
    await care.later(timedelta(hours=3))

    case = await care.case(order.order_id, kind="no_consent")
    (remedy,) = await care.rows("select * from remedy where case_id = $1", case["id"])
    assert (remedy["kind"], remedy["state"], remedy["automatic"]) == ("cancel_line", "granted", True)
    assert remedy["reason"] == "nobody agreed to the new date in time"
    await order.remedy_executed({"id": str(remedy["id"]), "kind": "cancel_line"})
    await care.later(timedelta(minutes=25))
    told = await care.rows("select body from message where order_id = $1 and topic = 'remedy'", order.order_id)
    assert "As we have not heard from you about the new date" in told[0]["body"]
    assert (await care.case(order.order_id, kind="no_consent"))["state"] == "resolved"


async def test_who_agreed_is_not_cancelled_until_the_date_moves_again(care: CareRig) -> None:
    order = await _revised_far(care, "US")
    body: dict[str, Any] = {"order_id": str(order.order_id)}
    agreed = await care.act("/consents", body, role=Role.SUPPORT)
    assert agreed["consent"] == "given"
    await care.later(8 * DAY)
    assert await care.rows("select 1 from exception where order_id = $1 and kind = 'no_consent'", order.order_id) == []

    await order.promise_revised(60, revision=3)
    assert (await care.get("/consents", **body))["consent"] == "awaited"
    await care.later(8 * DAY)
    await care.case(order.order_id, kind="no_consent")


async def test_where_silence_means_yes_nothing_is_cancelled(care: CareRig) -> None:
    order = await _revised_far(care, "DE")
    assert (await care.get("/consents", order_id=str(order.order_id)))["consent"] == "implied"
    await care.later(9 * DAY)
    assert await care.rows("select 1 from remedy where order_id = $1 and kind = 'cancel_line'", order.order_id) == []


async def test_the_customer_is_told_until_when_and_says_yes_on_the_page(order: Order, clients: Clients) -> None:
    order.country = "US"
    await order.placed()
    await order.promise_revised(50)
    customer = clients.of("care", role="customer", subject=str(order.order_id))

    async def asked() -> bool:
        shown = (await customer.get("/customer/order")).json()
        return bool(shown["consent"] == "awaited" and datetime.fromisoformat(shown["answer_by"]) > now() + 6 * DAY)

    await wait_until(asked, what="the page asks whether they wait")
    key = {"Idempotency-Key": str(new_id())}

    said = await customer.post("/customer/words", json={"kind": "wait", "value": ""}, headers=key)

    assert said.status_code == 200, said.text
    assert (said.json()["consent"], said.json()["answer_by"]) == ("given", None)

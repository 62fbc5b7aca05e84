"""A refund of which the restored databases know in part is paid once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import LocalStack
from shared import clock
from tests.faults.crowd import Crowd
from tests.faults.test_deaths_in_mid_journey import SCANNED
from tests.faults.test_restore import (
    DUMPED,
    dump,
    mails,
    placed,
    reconcile,
    restore,
    start_in_another_epoch,
    tell_what_left,
)
from tests.journeys.shop import DAY, PRICE

LOST = {"after_hours": 24, "status": "failure", "status_detail": "lost"}


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_a_refund_that_care_has_forgotten_is_paid_once_and_its_order_found_by_its_reference(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path
) -> None:
    """F24: granted and paid between the dump of care and that of orders."""
    shop, since = crowd.shop, clock.real() - timedelta(minutes=5)
    await shop.until_morning()
    order = await placed(crowd, SCANNED, LOST)
    await crowd.pay(order.id, "captured", PRICE)
    await shop.driver.rest()
    await shop.ship()
    await shop.step(2 * DAY)
    dumped_at = clock.now()
    for service in DUMPED[:2]:
        await dump(stepped_stack, crowd, service, tmp_path)
    (case,) = [case for case in await shop.cases(order) if case["family"] == "delivery"]
    await shop.grant(case, "refund")
    assert await crowd.confirm_refunds() == 1
    await shop.driver.rest()
    paid, told = await _refunds(crowd), mails(stepped_stack)
    for service in DUMPED[2:]:
        await dump(stepped_stack, crowd, service, tmp_path)

    await restore(stepped_stack, crowd, tmp_path)
    crowd.topics_are_new = True
    await start_in_another_epoch(stepped_stack, since)
    await shop.driver.rest()
    await reconcile(stepped_stack, dumped_at)
    await shop.driver.rest()
    await tell_what_left(stepped_stack, told, tmp_path / "mail.log")
    await shop.driver.rest()
    assert await crowd.look_up(order.reference) == [str(order.id)]
    assert await crowd.confirm_refunds() == 0
    assert await _refunds(crowd) == paid
    read = await order.read()
    assert (read["payment_status"], read["payment"]["refunded"]) == ("refunded", PRICE)
    (case,) = [case for case in await shop.cases(order) if case["family"] == "delivery"]
    shown: Any = await shop.care.act_get(f"/staff/cases/{case['id']}")
    assert [(one["kind"], one["state"]) for one in shown["remedies"]] == [("refund", "executed")]
    assert await crowd.judge() == []


async def _refunds(crowd: Crowd) -> list[tuple[str, str, int]]:
    """Give the storefront's instructions, as (id, state, amount)."""
    answer: Any = await crowd.shop.storefront.door.act_get("/v1/refunds")
    return [(one["id"], one["state"], one["amount"]["amount"]) for one in answer["data"]]

"""`doorstep check` while everything works: no false alarm, and what is really wrong is found all the same."""

import random
from dataclasses import dataclass
from uuid import UUID

import pytest

from cli import check
from deploy.local import names
from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.faults.crowd import Crowd
from tests.faults.look import rows
from tests.faults.planting import changed
from tests.faults.soak import suite_of

LOOKS = 6
OTHER = new_id()
_FIRST_EVENT = "select event_id from event_log where key = $1 and sequence = 1"


@dataclass(frozen=True)
class Planted:
    """What is done to a row of one order, by {order} or its first {event}, how it is undone, and what is found."""

    service: str
    done: str
    undone: str
    says: str


PLANTED = (
    Planted("orders", "update order_line set reserved = reserved - 1 where order_id = '{order}'",
            "update order_line set reserved = reserved + 1 where order_id = '{order}'", "orders says reserved 1"),
    Planted("shipping", f"update order_copy set order_id = '{OTHER}' where order_id = '{{order}}'",
            f"update order_copy set order_id = '{{order}}' where order_id = '{OTHER}'", "shipping does not know it"),
    Planted("inventory", "update reservation set quantity = quantity + 1 where order_id = '{order}'",
            "update reservation set quantity = quantity - 1 where order_id = '{order}'", "live reservations hold"),
    Planted("care", f"update inbox set event_id = '{OTHER}' where consumer = 'care' and event_id = '{{event}}'",
            f"update inbox set event_id = '{{event}}' where event_id = '{OTHER}'", "care never applied it"),
)  # fmt: skip


@pytest.mark.timeout(600)
async def test_a_check_beside_customers_floor_and_care_at_work_finds_what_is_wrong_and_nothing_else(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random
) -> None:
    await crowd.shop.until_morning()
    # Nobody picks what is not paid for.
    order_id = await crowd.place({**crowd.shop.draft(2), "payment": {"status": "pending"}})
    await crowd.shop.driver.rest()
    suite, under_way = suite_of(stepped_stack, crowd, dice), 0
    async with suite.at_work(customers=4):
        for _ in range(LOOKS):
            await crowd.see_acknowledged(5)
            report = await _look(stepped_stack)
            under_way += len(report.unsettled)
            assert [str(finding) for finding in report.findings] == []
        for planted in PLANTED:
            await crowd.see_acknowledged(5)
            await _see_found(stepped_stack, order_id, planted)
            assert [str(finding) for finding in (await _look(stepped_stack)).findings] == []
    await crowd.verify()
    assert under_way
    assert suite.tally()["cancellations"]


async def _see_found(stack: LocalStack, order_id: UUID, planted: Planted) -> None:
    (first,) = await rows(stack, "orders", _FIRST_EVENT, str(order_id))
    found = {"order": order_id, "event": first["event_id"]}
    async with changed(stack, planted.service, planted.done.format(**found), planted.undone.format(**found)):
        findings = (await _look(stack)).findings
    assert [finding for finding in findings if planted.says in finding.detail], [str(one) for one in findings]


async def _look(stack: LocalStack) -> check.Report:
    """Check as operators do, while everything works."""
    dsns = {service: stack.dsn(service, "readonly") for service in names.SERVICES}
    return await check.run(dsns, at_rest=False)

"""A care that was restored takes over from orders what people granted since its backup."""

from uuid import UUID

import pytest

from services.care.actions.ledger import PLAYBOOK
from shared.events import orders
from shared.events.base import Money
from shared.ids import new_id
from tests.care.conftest import Json, Order
from tests.care.rig import CareRig


def known(order: Order, case_id: UUID, person: str = "care:ann") -> orders.KnownGrant:
    return orders.KnownGrant(case_id=case_id, reason="they asked for it", granted_by=person, lines=order.units)


def executed(order: Order, grant: orders.KnownGrant) -> orders.RemedyExecuted:
    amount = Money(amount=40_00, currency="EUR")
    return orders.RemedyExecuted(
        order_id=order.order_id, remedy_id=new_id(), kind="refund", refund_id=new_id(), amount=amount, grant=grant
    )


async def remedies(care: CareRig, case: Json) -> list[Json]:
    return list((await care.get(f"/cases/{case['id']}"))["remedies"])


async def test_a_remedy_that_a_person_granted_is_entered_on_its_case_once(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()
    await (await order.handed_over()).scanned("lost")
    case = await care.case(order.order_id, kind="lost")

    fact = executed(order, known(order, UUID(str(case["id"]))))
    await care.tell(fact)
    await care.tell(fact)

    (remedy,) = [one for one in await remedies(care, case) if one["kind"] == "refund"]
    assert (remedy["id"], remedy["state"], remedy["amount"]) == (str(fact.remedy_id), "executed", 40_00)
    assert (remedy["asked_by"], remedy["decided_by"]) == ("care:ann", "care:ann")
    settled = await care.rows("select made_whole from watch_line where order_id = $1", order.order_id)
    assert [row["made_whole"] for row in settled] == [unit.quantity for unit in order.units]


async def test_a_case_that_is_forgotten_too_is_opened_for_it(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()

    await care.tell(executed(order, known(order, new_id())))

    case = await care.case(order.order_id, kind="stuck_flow")
    assert [one["state"] for one in await remedies(care, case)] == ["executed"]


async def test_a_forgotten_remedy_that_orders_refused_is_shown_as_refused(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()

    await care.tell(
        orders.RemedyRefused(
            order_id=order.order_id, remedy_id=new_id(), kind="reship", code="no_stock", detail="none is left",
            grant=known(order, new_id()),
        )
    )  # fmt: skip

    case = await care.case(order.order_id, kind="stuck_flow")
    assert [(one["state"], one["refusal_code"]) for one in await remedies(care, case)] == [("refused", "no_stock")]


@pytest.mark.parametrize("person", [PLAYBOOK, None])
async def test_what_a_playbook_granted_or_orders_does_not_know_is_left_alone(care: CareRig, person: str | None) -> None:
    order = await Order(care, value=120_00).placed()

    fact = executed(order, known(order, new_id(), PLAYBOOK))
    await care.tell(fact if person else fact.model_copy(update={"grant": None}))

    assert await care.rows("select id from remedy where order_id = $1", order.order_id) == []

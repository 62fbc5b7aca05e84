"""A care that was restored takes over from orders what was granted since its backup."""

from datetime import timedelta
from hashlib import md5
from uuid import UUID

from services.care.actions.ledger import PLAYBOOK
from shared.events import orders
from shared.events.base import Money
from shared.ids import new_id
from tests.care.conftest import Json, Order, now
from tests.care.rig import CareRig

ANN = "care:ann"


def executed(
    order: Order, case_id: UUID, *, kind: str = "refund", person: str = ANN, remedy_id: UUID | None = None
) -> orders.RemedyExecuted:
    return orders.RemedyExecuted(
        order_id=order.order_id,
        remedy_id=remedy_id or new_id(),
        kind=kind,
        refund_id=new_id() if kind == "refund" else None,
        amount=Money(amount=40_00, currency="EUR") if kind == "refund" else None,
        grant=granted(order, case_id, person),
    )


def granted(order: Order, case_id: UUID, person: str = ANN) -> orders.KnownGrant:
    answered_at = now() - timedelta(hours=1)
    return orders.KnownGrant(
        case_id=case_id, reason="they asked for it", granted_by=person, answered_at=answered_at, lines=order.units
    )


async def remedies(care: CareRig, case: Json) -> list[Json]:
    return list((await care.get(f"/cases/{case['id']}"))["remedies"])


async def of_order(care: CareRig, order: Order) -> list[Json]:
    return await care.rows("select * from remedy where order_id = $1 order by asked_at", order.order_id)


async def test_a_remedy_that_a_person_granted_is_entered_on_its_case_once(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()
    await (await order.handed_over()).scanned("lost")
    case = await care.case(order.order_id, kind="lost")

    fact = executed(order, UUID(str(case["id"])))
    await care.tell(fact)
    await care.tell(fact)

    (remedy,) = await remedies(care, case)
    assert (remedy["id"], remedy["state"], remedy["amount"]) == (str(fact.remedy_id), "executed", 40_00)
    assert (remedy["asked_by"], remedy["decided_by"]) == (ANN, ANN)
    settled = await care.rows("select made_whole from watch_line where order_id = $1", order.order_id)
    assert [row["made_whole"] for row in settled] == [unit.quantity for unit in order.units]


async def test_what_had_waited_for_approval_is_approved_as_it_was(care: CareRig) -> None:
    order = await Order(care, value=180_00).placed()
    await (await order.handed_over()).scanned("lost")
    case = await care.case(order.order_id, kind="lost")
    waiting = await care.act(f"/cases/{case['id']}/remedies", {"kind": "refund", "reason": "lost"})
    assert waiting["state"] == "waiting_approval"

    await care.tell(executed(order, UUID(str(case["id"])), person="care_lead:lea", remedy_id=UUID(waiting["id"])))

    (remedy,) = await remedies(care, case)
    assert (remedy["state"], remedy["asked_by"], remedy["decided_by"]) == ("executed", ANN, "care_lead:lea")
    assert (await care.case(order.order_id))["state"] != "waiting_approval"


async def test_a_case_that_is_forgotten_too_is_on_record_and_has_ended(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()

    case_id = new_id()
    for _ in range(2):
        await care.tell(executed(order, case_id))

    case = await care.case(order.order_id, kind="stuck_flow")
    assert [one["state"] for one in await remedies(care, case)] == ["executed"] * 2
    assert (case["id"], case["state"]) == (case_id, "resolved")


async def test_a_remembered_remedy_ends_no_case_about_other_trouble(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()
    await (await order.handed_over()).scanned("lost")
    grant = granted(order, new_id()).model_copy(update={"answered_at": now() + timedelta(minutes=1)})

    await care.tell(executed(order, new_id()).model_copy(update={"grant": grant}))
    await care.later(timedelta(hours=1))

    assert [one["state"] for one in await of_order(care, order)] == ["executed"]
    assert (await care.case(order.order_id, kind="lost"))["state"] == "open"


async def test_a_forgotten_remedy_that_orders_refused_is_shown_as_refused(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()

    await care.tell(
        orders.RemedyRefused(
            order_id=order.order_id, remedy_id=new_id(), kind="reship", code="no_stock", detail="none is left",
            grant=granted(order, new_id()),
        )
    )  # fmt: skip

    case = await care.case(order.order_id, kind="stuck_flow")
    assert [(one["state"], one["refusal_code"]) for one in await remedies(care, case)] == [("refused", "no_stock")]
    assert case["state"] == "resolved"


async def test_what_a_playbook_had_granted_answers_when_it_asks_for_the_same_again(care: CareRig) -> None:
    order = await Order(care, value=12_00).placed()
    await order.handed_over()
    one = granted(order, new_id(), PLAYBOOK)
    fact = executed(order, new_id(), kind="reship", person=PLAYBOOK)
    part = tuple(unit.model_copy(update={"quantity": 1}) for unit in one.lines)
    await care.tell(fact.model_copy(update={"grant": one.model_copy(update={"lines": part})}))

    await order.scanned(flags=("damaged",), exception="damage")

    case = await care.case(order.order_id, kind="damage")
    (remedy,) = [row for row in await of_order(care, order) if row["case_id"] == case["id"]]
    assert (remedy["id"], remedy["automatic"], remedy["state"]) == (fact.remedy_id, True, "executed")


async def test_a_remembered_remedy_leaves_a_playbooks_own_id_free(care: CareRig) -> None:
    order = await Order(care, value=12_00, quantity=3).placed()
    await order.handed_over()
    one = order.units[0].model_copy(update={"quantity": 1})
    grant = granted(order, new_id()).model_copy(update={"lines": (one,)})
    await care.tell(executed(order, new_id(), kind="reship").model_copy(update={"grant": grant}))

    await order.scanned(flags=("damaged",), exception="damage")

    (automatic,) = [one for one in await of_order(care, order) if one["automatic"]]
    name = f"{order.order_id}/reship/0"
    assert automatic["id"] == UUID(md5(name.encode(), usedforsecurity=False).hexdigest())


async def test_an_answer_that_carries_no_grant_enters_nothing(care: CareRig) -> None:
    order = await Order(care, value=120_00).placed()

    await care.tell(executed(order, new_id()).model_copy(update={"grant": None}))

    assert await of_order(care, order) == []

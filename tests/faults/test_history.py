"""The clients' history against the databases: of each kind of operation a lost or doubled effect is found."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.local.stack import LocalStack
from shared import clock
from shared.ids import new_id
from tests.faults.crowd import NEW_ADDRESS, NEW_CONTACT, Crowd
from tests.faults.history import Act
from tests.faults.ledger import Outcome
from tests.faults.planting import changed
from tests.journeys.shop import PRICE, Json

OTHER = new_id()


@dataclass(frozen=True)
class Harm:
    """What is done to the row of one order in a table of orders, how it is undone, and what is said of it."""

    act: str
    table: str
    done: str
    undone: str
    says: str
    column: str = "lost"

    def __str__(self) -> str:
        return f"{self.act}-{self.column}-{self.table}"


def merged(column: str, name: str, value: str) -> str:
    """Set one part of a document."""
    return f"{column} = jsonb_set({column}, array['{name}'], '\"{value}\"')"


HARMS = (
    Harm("placed", "orders", "reference = reference || '?'", "reference = rtrim(reference, '?')",
         "was acknowledged, and is not there"),
    Harm("contact", "orders", merged("customer", "phone", "+49151"), merged("customer", "phone", "+4915100000000"),
         "contact phone is '+49151'"),
    Harm("address", "orders", merged("address", "line1", "Graben 1"), merged("address", "line1", "Graben 2"),
         "shipping_address line1 is 'Graben 1'"),
    Harm("fewer", "order_line", "quantity = 2", "quantity = 1", "lines 0 is 2"),
    Harm("later", "orders", "ship_after = ship_after - interval '1 day'", "ship_after = ship_after + interval '1 day'",
         "ship_after  is"),
    Harm("cancelled", "cancellation", f"id = '{OTHER}'", "id = '{cancellation}'", "cancellation was acknowledged"),
    Harm("cancelled", "cancellation", "lines = jsonb_set(lines, '{{0,quantity}}', '1')",
         "lines = jsonb_set(lines, '{{0,quantity}}', '2')", "cancellation was acknowledged"),
    Harm("cancelled", "cancellation", "state = 'pending', answered_at = null",
         "state = 'answered', answered_at = requested_at", "cancellation was acknowledged"),
    Harm("cancelled", "cancellation", f"id = '{OTHER}'", "id = '{cancellation}'", "nobody saw", "doubled"),
    Harm("paid", "payment_report", "amount = amount - 1", "amount = amount + 1", "'authorized', 4000"),
    Harm("paid", "orders", "authorized = authorized - 1", "authorized = authorized + 1", "the totals lack"),
)  # fmt: skip
TWICE = """
insert into payment_report select '{other}', order_id, type, amount, reference, shipment_id, refund_id, reported_at
from payment_report where order_id = '{order}'
"""


@pytest.mark.parametrize("harm", HARMS, ids=str)
async def test_an_acknowledged_operation_without_its_effect_is_found(
    stepped_stack: LocalStack, crowd: Crowd, harm: Harm
) -> None:
    order_id = await _act(crowd, harm.act)
    assert await crowd.judge() == []
    names = {"order": order_id, "cancellation": _cancellation(crowd)}
    where = f"{'id' if harm.table == 'orders' else 'order_id'} = '{order_id}'"

    update = f"update {harm.table} set {{}} where {where}"
    done, undone = (update.format(change.format(**names)) for change in (harm.done, harm.undone))
    async with changed(stepped_stack, "orders", done, undone):
        found, outcome = await _judged(crowd)

    assert outcome.harm[harm.column] >= 1
    assert [said for said in found if harm.says in said], found
    assert (await _judged(crowd))[0] == []


async def test_a_payment_that_is_booked_twice_is_found(stepped_stack: LocalStack, crowd: Crowd) -> None:
    order_id = await _act(crowd, "paid")
    again, gone = TWICE.format(other=OTHER, order=order_id), f"delete from payment_report where id = '{OTHER}'"

    async with changed(stepped_stack, "orders", again, gone):
        found, outcome = await _judged(crowd)

    assert outcome.doubled == 1
    assert [said for said in found if "is booked 2 times" in said], found


@pytest.mark.parametrize(
    ("done", "undone"),
    [("key = key || '?'", "key = rtrim(key, '?')"), ("body = body || '{\"other\": 1}'", "body = body - 'other'")],
)
async def test_what_the_floor_was_answered_and_is_not_kept_is_found(
    stepped_stack: LocalStack, crowd: Crowd, done: str, undone: str
) -> None:
    await crowd.shop.until_morning()
    await crowd.place(crowd.shop.draft(2))
    await crowd.shop.driver.rest()
    assert len(await crowd.shop.ship()) == 1
    assert await crowd.judge() == []
    acts = {answer.route.rpartition("/")[2]: answer for answer in crowd.answers_kept.entries()}

    for act in ("scans", "parcels", "label", "hand-overs"):
        where = f"where scope like '% {acts[act].route}' and key like '{acts[act].key}%'"
        harm, cure = (f"update idempotency set {change} {where}" for change in (done, undone))
        async with changed(stepped_stack, "inventory", harm, cure):
            found, outcome = await _judged(crowd)
        assert outcome.lost == 1
        assert found == [f"{acts[act]}, and is not kept so"]
    assert (await _judged(crowd))[0] == []


async def test_a_cancellation_that_was_refused_and_took_effect_is_found(crowd: Crowd) -> None:
    await _act(crowd, "cancelled")
    crowd.told.keep([entry for entry in crowd.told.entries() if entry.act is Act.PLACED])

    found, outcome = await _judged(crowd)

    assert outcome.doubled == 1
    assert [said for said in found if "nobody saw cancellation" in said], found


async def _act(crowd: Crowd, act: str) -> UUID:
    """Place an order for two units and do one thing about it, or nothing."""
    unpaid: Json = {"payment": {"status": "pending"}}
    order_id = await crowd.place({**crowd.shop.draft(2), **(unpaid if act == "paid" else {})})
    changes: dict[str, Json] = {
        "contact": NEW_CONTACT,
        "address": NEW_ADDRESS,
        "fewer": {"lines": [{"reference": "0", "quantity": 1}]},
        "later": {"ship_after": (clock.now() + timedelta(days=1)).isoformat()},
    }
    if act in changes:
        assert await crowd.change(order_id, changes[act])
    elif act == "cancelled":
        assert await crowd.cancel(order_id)
    elif act == "paid":
        await crowd.pay(order_id, "authorized", 2 * PRICE)
    return order_id


async def _judged(crowd: Crowd) -> tuple[list[str], Outcome]:
    """Judge anew; give what is said and its line, which does not go into the table."""
    crowd.outcome = Outcome("-", "an effect is taken away")
    return await crowd.judge(), crowd.outcome


def _cancellation(crowd: Crowd) -> str:
    return next((str(entry.answered["id"]) for entry in crowd.told.entries() if "reason" in entry.sent), "")

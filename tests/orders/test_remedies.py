"""What care grants is carried out once, within what was captured, and each unit is made whole once."""

import httpx

from shared import clock
from shared.auth import Role
from shared.events.base import LineCount, Money
from shared.events.care import CustomerNotified, ExceptionCleared, ExceptionRaised, RemedyGranted
from shared.events.orders import (
    CancellationRequested,
    PromiseRevised,
    RemedyExecuted,
    RemedyRefused,
)
from shared.ids import new_id
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Json, Placed, Shop, euros


def granted(order: Placed, kind: str, *, units: int = 1, **changes: object) -> RemedyGranted:
    """Grant a remedy for so many units of the first line."""
    line_id, sku, _ = order.lines[0]
    lines = (LineCount(line_id=line_id, sku=sku, quantity=units),) if units else ()
    fields: Json = {"lines": lines, **changes}
    return RemedyGranted(
        order_id=order.id, remedy_id=new_id(), case_id=new_id(), kind=kind, reason="damaged", granted_by="rule@1",
        **fields,
    )  # fmt: skip


async def sent(shop: Shop, *, captured: bool = True) -> tuple[Placed, Parcel]:
    """Place an order that has left the house."""
    order = await shop.place()
    parcel = Parcel(order)
    await parcel.send()
    if captured:
        await order.do("/payments", {"type": "captured", "reference": "all"})
    return order, parcel


async def test_each_unit_is_made_whole_once(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "reship", units=1), granted(order, "refund", units=2))

    refused = await order.told(RemedyRefused)
    assert [fact["code"] for fact in refused] == ["already_made_whole"]

    await order.rig.hear(granted(order, "refund", units=1))
    assert [refund["amount"]["amount"] for refund in await order.shop_refunds()] == [1290]


async def test_the_same_remedy_twice_is_one(shop: Shop) -> None:
    order, _ = await sent(shop)
    remedy = granted(order, "refund")
    await order.rig.hear(remedy, remedy)

    assert [refund["id"] for refund in await order.shop_refunds()] == [str(remedy.remedy_id)]
    assert await order.told(RemedyExecuted) == []


async def test_a_remedy_granted_again_by_a_restored_care_is_answered_again(shop: Shop) -> None:
    order, _ = await sent(shop)
    done, refused = granted(order, "refund"), granted(order, "refund", units=9)
    await order.rig.hear(done, refused)
    await order.do("/payments", {"type": "refunded", "refund_id": str(done.remedy_id)})

    await order.rig.hear(done, refused)

    first, again = await order.told(RemedyExecuted)
    assert first == again
    first, again = await order.told(RemedyRefused)
    assert (first, again["code"]) == (again, "already_made_whole")
    assert await order.shop_refunds() == []


async def test_a_refund_is_executed_when_the_storefront_confirms_it(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "refund", units=2))
    refund = (await order.shop_refunds())[0]
    assert "refund.requested" in await order.feed()
    assert await order.told(RemedyExecuted) == []

    body = {"type": "refunded", "refund_id": refund["id"]}
    answer = await order.do("/payments", body)

    assert (answer.json()["refunded"], answer.json()["status"]) == (2580, "partially_refunded")
    assert [fact["amount"]["amount"] for fact in await order.told(RemedyExecuted)] == [2580]
    again = await order.do("/payments", body)
    assert again.status_code == httpx.codes.CONFLICT


async def test_a_confirmation_sent_again_under_its_reference_changes_nothing(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "refund", units=2))
    refund = (await order.shop_refunds())[0]
    body = {"type": "refunded", "refund_id": refund["id"], "reference": "re-1"}

    answers = [await order.do("/payments", body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [httpx.codes.OK] * 2
    assert [answer.json()["refunded"] for answer in answers] == [2580] * 2
    assert len(await order.told(RemedyExecuted)) == 1


async def test_refunds_are_listed_page_by_page(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(*(granted(order, "refund") for _ in range(2)))

    first = (await shop.call("GET", "/v1/refunds?limit=1")).json()
    second = (await shop.call("GET", f"/v1/refunds?limit=1&cursor={first['next_cursor']}")).json()

    assert len({page["data"][0]["id"] for page in (first, second)}) == 2
    assert second["next_cursor"] is None


async def test_units_made_whole_or_paid_back_stay_in_the_order(shop: Shop) -> None:
    for units, amount, code in ((1, None, "too_few"), (0, Money(amount=1000, currency="EUR"), "too_few")):
        order = await shop.place(payment={"status": "captured"})
        await order.rig.hear(granted(order, "refund", units=units, amount=amount))

        answer = await order.do("", {"lines": [{"reference": "1", "quantity": 0}]}, method="PATCH")

        assert [error["code"] for error in answer.json()["errors"]] == [code]


async def test_a_cancelled_line_leaves_out_what_is_asked_to_be_cancelled_already(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/cancellations", {"lines": [{"reference": "1", "quantity": 1}]})

    await order.rig.hear(granted(order, "cancel_line", units=2))

    asked = await order.told(CancellationRequested)
    assert [[line["quantity"] for line in fact["lines"]] for fact in asked] == [[1], [1]]


async def test_a_refund_that_fails_frees_what_it_had_taken(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "refund", units=2))
    refund = (await order.shop_refunds())[0]

    await order.do("/payments", {"type": "failed", "refund_id": refund["id"]})

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["refund_failed"]
    await order.rig.hear(granted(order, "refund", units=2))
    assert len(await order.shop_refunds()) == 1


async def test_a_refund_is_never_more_than_the_line_cost(shop: Shop) -> None:
    order, _ = await sent(shop)

    await order.rig.hear(granted(order, "refund", units=1, amount=Money(amount=99_999, currency="EUR")))

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["over_captured"]


async def test_refunds_are_never_more_than_was_captured(shop: Shop) -> None:
    order, _ = await sent(shop, captured=False)
    await order.do("/payments", {"type": "captured", "amount": euros(1000)})

    await order.rig.hear(granted(order, "refund", units=1))

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["over_captured"]


async def test_money_that_was_not_captured_is_let_go_instead(shop: Shop) -> None:
    order, _ = await sent(shop, captured=False)
    await order.rig.hear(granted(order, "refund", units=2))
    refund = (await order.shop_refunds())[0]
    assert refund["kind"] == "authorization_release"

    wrong = await order.do("/payments", {"type": "refunded", "refund_id": refund["id"]})
    await order.do("/payments", {"type": "voided", "refund_id": refund["id"]})

    assert wrong.json()["errors"][0]["pointer"] == "/type"
    assert len(await order.told(RemedyExecuted)) == 1


async def test_shipping_is_paid_back_once(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "shipping_refund", units=0), granted(order, "shipping_refund", units=0))

    assert [refund["amount"]["amount"] for refund in await order.shop_refunds()] == [490]
    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["nothing_to_refund"]


async def test_a_goodwill_credit_is_no_refund_of_the_payment(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "goodwill_credit", units=0, amount=Money(amount=500, currency="EUR")))
    refund = (await order.shop_refunds())[0]

    answer = await order.do("/payments", {"type": "refunded", "refund_id": refund["id"]})

    assert answer.json()["refunded"] == 0
    assert len(await order.told(RemedyExecuted)) == 1


async def test_a_new_promise_is_a_revision(shop: Shop) -> None:
    order, _ = await sent(shop)
    latest = clock.now().replace(year=clock.now().year + 1)
    await order.rig.hear(granted(order, "new_promise", units=0, deliver_by_latest=latest))

    assert (await order.told(PromiseRevised))[0]["promise"]["source"] == "agent"
    assert len(await order.told(RemedyExecuted)) == 1


async def test_a_line_is_cancelled_by_the_warehouses_answer(shop: Shop) -> None:
    order = await shop.place()
    await order.rig.hear(granted(order, "cancel_line", units=2))
    asked = (await order.told(CancellationRequested))[0]
    assert [line["quantity"] for line in asked["lines"]] == [2]

    await order.rig.hear(neighbours.answered(order, asked["cancellation_id"], ["cancelled", "refused_shipped"]))

    assert len(await order.told(RemedyExecuted)) == 1
    assert [line["cancelled"] for line in (await order.now())["lines"]] == [2, 0]


async def test_a_line_that_has_left_is_not_cancelled(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "cancel_line", units=2))
    asked = (await order.told(CancellationRequested))[0]
    outcomes = ["refused_shipped", "refused_shipped"]
    await order.rig.hear(neighbours.answered(order, asked["cancellation_id"], outcomes))

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["too_late"]


async def test_an_unknown_remedy_is_refused_not_guessed(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "flowers"))

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["unknown_kind"]


async def test_exceptions_show_until_they_are_cleared(shop: Shop) -> None:
    order, _ = await sent(shop)
    exception_id = new_id()
    raised = ExceptionRaised(
        order_id=order.id, exception_id=exception_id, kind="stalled", level="at_risk", rule="stalled@1",
        detected_at=clock.now(),
    )  # fmt: skip
    await order.rig.hear(raised)
    assert (await order.now())["exception_status"] == "open"

    await order.rig.hear(ExceptionCleared(order_id=order.id, exception_id=exception_id, kind="stalled"))

    assert (await order.now())["exception_status"] == "none"


async def test_an_operator_has_an_order_show_what_care_has_open_and_no_others(shop: Shop) -> None:
    order, _ = await sent(shop)
    former = ExceptionRaised(
        order_id=order.id, exception_id=new_id(), kind="stalled", level="at_risk", rule="stalled@1",
        detected_at=clock.now(),
    )  # fmt: skip
    await order.rig.hear(former)
    path, reason = f"/staff/orders/{order.id}/exceptions", "care was restored to before"

    async def show(**exceptions: str) -> str:
        body = {"exceptions": exceptions, "reason": reason}
        answer = await order.rig.staff("POST", path, body, Role.OPERATOR)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["exception_status"])

    assert await show() == "none"
    assert await show(**{str(new_id()): "damage"}) == "open"
    audited = (await order.rig.staff("GET", f"/staff/audit?subject={order.id}", role=Role.OPERATOR)).json()["data"]
    assert [row["before"] for row in audited if row["act"] == "show_exceptions"] == [
        {}, {str(former.exception_id): "stalled"},
    ]  # fmt: skip


async def test_the_timeline_tells_customers_less_than_staff(shop: Shop) -> None:
    order, parcel = await sent(shop)
    await parcel.deliver()
    told = CustomerNotified(
        order_id=order.id, message_id=new_id(), topic="delivered", channel="email", promise_revision=1
    )
    await order.rig.hear(told)

    public = (await order.do("/timeline", None, method="GET")).json()["data"]
    answer = await shop.rig.staff("GET", f"/staff/orders/{order.id}/timeline", role=Role.SUPPORT)
    internal = answer.json()["data"]

    assert {entry["audience"] for entry in public} == {"public"}
    assert [entry["fact"] for entry in internal][:2] == ["order_placed", "promise_made"]
    assert {"fulfilment_planned", "payment_reported"} <= {entry["fact"] for entry in internal}
    assert "Delivered" in [entry["what"] for entry in public]
    assert not any("example.com" in str(entry) for entry in internal)


async def test_the_public_timeline_names_none_of_our_people(shop: Shop) -> None:
    order = await shop.place()
    await shop.rig.staff("POST", f"/staff/orders/{order.id}/cancellations", {"reason": "staff"}, role=Role.SUPPORT)
    await order.do("/payments", {"type": "captured"})
    await order.rig.hear(granted(order, "refund", units=1))
    refund = (await order.shop_refunds())[0]
    await order.do("/payments", {"type": "refunded", "refund_id": refund["id"]})

    public = (await order.do("/timeline", None, method="GET")).json()["data"]
    staff = await shop.rig.staff("GET", f"/staff/orders/{order.id}/timeline", role=Role.SUPPORT)

    assert "ann" not in str(public)
    assert "remedy_executed" in str(public)
    assert {entry["actor"] for entry in public} == {"storefront", "orders", "staff"}
    assert "support:ann" in [entry["actor"] for entry in staff.json()["data"]]


async def test_explain_names_the_holder_of_the_blocking_step(shop: Shop) -> None:
    order = await shop.place()

    async def blocking() -> Json | None:
        found: Json | None = (await order.do("/explain", None, method="GET")).json()["blocking"]
        return found

    assert (await blocking() or {})["holder"] == "inventory"
    await order.rig.hear(neighbours.reserved(order))
    assert (await blocking() or {})["step"] == "released"
    parcel = Parcel(order)
    await parcel.send()
    assert (await blocking() or {})["stage"] == "in_transit"
    await parcel.deliver()
    assert await blocking() is None


async def test_explain_speaks_of_the_parcel_that_is_still_under_way(shop: Shop) -> None:
    order = await shop.place()
    silent, quick = Parcel(order), Parcel(order)
    await silent.pack()
    for parcel, (line_id, sku, quantity) in zip((silent, quick), order.lines, strict=True):
        contents = (LineCount(line_id=line_id, sku=sku, quantity=quantity),)
        packed = neighbours.packed(order, parcel.fulfilment_id, parcel.parcel_id)
        left = neighbours.handed_over(order, parcel.fulfilment_id, parcel.parcel_id, parcel.tracking)
        await order.rig.hear(*(fact.model_copy(update={"contents": contents}) for fact in (packed, left)))
    late = neighbours.scanned(order, quick.shipment_id, quick.parcel_id, quick.tracking, "delivered")
    working = late.progress
    assert working is not None
    await order.rig.hear(late.model_copy(update={"progress": working.model_copy(update={"step": "delivered"})}))

    blocking = (await order.do("/explain", None, method="GET")).json()["blocking"]

    assert (blocking["stage"], blocking["step"]) == ("in_transit", working.step)


async def test_support_finds_an_order_by_whatever_the_caller_has(shop: Shop) -> None:
    name, postal_code = f"Änn {shop.code}", f"2{new_id().int % 10_000:04d}"
    digits = f"{new_id().int % 10**7:07d}"
    address = {**shop.order()["shipping_address"], "name": name, "postal_code": postal_code}
    email = f"{shop.code}@example.com"
    order = await shop.place(customer={"email": email, "phone": f"+49 40 {digits}"}, shipping_address=address)
    parcel = Parcel(order)
    await parcel.send()
    body = order.first
    for query, kind in (
        (str(body["number"]).lower(), "number"),
        (f" {body['reference']} ", "reference"),
        (email.upper(), "email"),
        (parcel.tracking[:8] + " " + parcel.tracking[8:], "tracking"),
        (f"040 {digits[:3]} {digits[3:]}", "phone"),
        (f"Ann {shop.code}, {postal_code}", "name_postcode"),
    ):
        answer = await shop.rig.staff("GET", "/staff/look-up?q=" + query, role=Role.SUPPORT)
        found = answer.json()["data"]
        assert [(entry["order_id"], entry["matched"]) for entry in found] == [(str(order.id), [kind])], query

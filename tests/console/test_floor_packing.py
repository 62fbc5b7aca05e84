"""A packer at the bench: scan, weigh, close, label, stage; what is warned of and what is refused."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx
import pytest

from deploy.local.stack import LocalStack
from services.console.actions.scans import is_label_of, tracking_number
from shared.ids import new_id
from tests.clients import Clients
from tests.console.floor import Hand, cancel, closed_parcel, labelled_parcel, order, parcel_of, picked, tone_of
from tests.console.shop import Shop
from tests.console.visitor import text_of
from tests.waiting import wait_until


async def test_a_tote_becomes_a_parcel_in_the_carriers_lane(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    at = await picked(shelves, placed)
    assert "Ready to be packed 1" in await picker.visitor.read("/pack", location=shelves.tag)
    assert "1 in the tote" in await picker.visitor.read(at)

    first = await picker.act(f"{at}/scans", code=f"40{shelves.tag}")
    assert tone_of(first) == "right"
    parcel = parcel_of(first)
    assert "Begun 1" in await picker.visitor.read("/pack", location=shelves.tag)
    both = await picker.do(f"{at}/scans", code=f"41{shelves.tag}", quantity=2, parcel=parcel)
    assert "Units in it now: 3" in both
    weighed = await picker.act(
        f"{at}/weighings", parcel=parcel, weight=1610, tare=100, length=300, width=200, height=100
    )
    assert tone_of(weighed) == "right"
    assert "1510 g, expected 1500 g" in text_of(weighed)
    closed = await picker.act(f"{at}/closings", parcel=parcel)
    assert 'hx-trigger="submit, load"' in closed.text, "the label is asked for without being told to"

    labelled = await picker.act(f"{at}/labels", parcel=parcel)
    assert tone_of(labelled) == "right"
    number = re.search(r"<code>(\w+)</code>", labelled.text)
    assert number is not None
    wrong = await picker.act(f"{at}/label-scans", parcel=parcel, code="9400100000000000000000")
    assert (tone_of(wrong), "Wrong label" in text_of(wrong)) == ("wrong", True)
    staged = await picker.act(f"{at}/label-scans", parcel=parcel, code=number[1].lower())
    assert tone_of(staged) == "done"
    assert "lies in the lane of" in text_of(staged)


@pytest.mark.parametrize(("weight", "words"), [(1425, ""), (1424, "76 g too light"), (1576, "76 g too heavy")])
async def test_a_weight_that_does_not_fit_is_warned_of_before_closing(
    picker: Hand, shelves: Shop, weight: int, words: str
) -> None:
    at = await picked(shelves, await order(shelves))
    await picker.visitor.read(at)
    parcel = parcel_of(await picker.act(f"{at}/scans", code=shelves.skus[0]))
    await picker.do(f"{at}/scans", code=shelves.skus[1], quantity=2, parcel=parcel)
    # More than 50 g and 5 % of 1,500 g, which is 75 g.
    weighed = await picker.do(f"{at}/weighings", parcel=parcel, weight=weight, length=300, width=200, height=100)
    assert words in weighed
    assert ("Close it all the same" in weighed) == bool(words)


async def test_what_is_not_of_the_order_or_too_much_does_not_go_in(picker: Hand, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    await picker.visitor.read(at)
    foreign = await picker.act(f"{at}/scans", code="NOT-OURS")
    assert (tone_of(foreign), "does not belong to this order" in text_of(foreign)) == ("wrong", True)
    over = await picker.act(f"{at}/scans", code=shelves.skus[0], quantity=2)
    assert (tone_of(over), "Too many" in text_of(over)) == ("wrong", True)


async def test_the_packer_sees_what_was_ordered_beyond_the_goods(picker: Hand, shelves: Shop) -> None:
    address = {
        "name": "Ada Albers", "line1": "Graben 1", "city": "Berlin", "postal_code": "10115", "country_code": "DE",
        "delivery_instructions": "Ring twice",
    }  # fmt: skip
    lines = [
        {
            "reference": "1", "sku": shelves.skus[0], "name": "Blue mug", "quantity": 1,
            "unit_price": {"amount": 1290, "currency": "EUR"}, "properties": {"engraving": "Ann"},
        }
    ]  # fmt: skip
    placed = await order(shelves, shipping_address=address, lines=lines, gift={"message": "Happy birthday"})

    bench = await picker.visitor.read(await picked(shelves, placed))

    assert "engraving: Ann" in bench
    assert "Ring twice" in bench
    assert "A gift" in bench


async def test_a_parcel_is_found_by_tote_number_and_label(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    at = await picked(shelves, placed)
    for name in (placed.number, placed.reference, "t1"):
        assert (await picker.visitor.get("/pack", q=name, location=shelves.tag)).headers["location"] == at
    unknown = await picker.visitor.get("/pack", q="T77", location=shelves.tag)
    assert (tone_of(unknown), "T77 is unknown" in text_of(unknown)) == ("wrong", True)

    parcel, number = await labelled_parcel(picker, shelves, at)

    assert (await picker.visitor.get("/pack", q=number)).headers["location"] == f"{at}?parcel={parcel}"


async def test_a_tote_name_of_two_carts_asks_which(picker: Hand, shelves: Shop) -> None:
    numbers = []
    for _ in range(2):
        placed = await order(shelves)
        await picked(shelves, placed)
        numbers.append(placed.number)
    page = await picker.visitor.read("/pack", q="T1", location=shelves.tag)
    assert "T1 names several" in page
    assert all(number in page for number in numbers)


async def test_a_parcel_without_its_label_goes_to_the_shelf(picker: Hand, shelves: Shop, stack: LocalStack) -> None:
    at = await picked(shelves, await order(shelves))
    await stack.stop_processes(["shipping-api", "shipping-worker"])
    try:
        parcel = await closed_parcel(picker, shelves, at)
        away = await picker.act(f"{at}/labels", parcel=parcel)
        shelf = await picker.visitor.read("/pack", location=shelves.tag)
    finally:
        for name in ("shipping-api", "shipping-worker"):
            await stack.start_process(name)
    assert tone_of(away) == "ask"
    assert "Shipping does not answer" in text_of(away)
    assert "Shelf: awaiting label" in text_of(away)
    assert "load" not in trigger_of(away), "who was told to lay it aside is not kept waiting again"
    assert "Shelf “awaiting label” 1" in shelf

    async def labelled() -> bool:
        return tone_of(await picker.act(f"{at}/labels", parcel=parcel)) == "right"

    await wait_until(labelled, what="the label comes once shipping is back")


@asynccontextmanager
async def no_booking(clients: Clients, shop: Shop) -> AsyncIterator[None]:
    """Let an operator pause the buying of labels at a shop's location."""
    door, pause = clients.of("shipping"), {"kind": "booking", "scope": shop.tag, "reason": "the contract is renewed"}
    answer = await door.post("/staff/pauses", json=pause, headers={"Idempotency-Key": str(new_id())})
    assert answer.is_success, answer.text
    try:
        yield
    finally:
        await door.post("/staff/pauses/resume", json=pause, headers={"Idempotency-Key": str(new_id())})


def trigger_of(answer: httpx.Response) -> str:
    """Give what makes the page ask for the label."""
    found = re.search(r'/labels"[^>]*hx-trigger="([^"]*)"', answer.text)
    assert found is not None, text_of(answer)
    return found[1]


async def test_a_parcel_goes_to_the_shelf_while_booking_is_paused(
    picker: Hand, shelves: Shop, clients: Clients
) -> None:
    at = await picked(shelves, await order(shelves))
    async with no_booking(clients, shelves):
        parcel = await closed_parcel(picker, shelves, at)

        async def told_of_the_pause() -> bool:
            answer = await picker.act(f"{at}/labels", parcel=parcel)
            assert (tone_of(answer), "Shelf: awaiting label" in text_of(answer)) == ("ask", True)
            return "An operator has paused the buying of labels" in text_of(answer)

        await wait_until(told_of_the_pause, what="shipping knows of the parcel and says that it is paused")

    async def labelled() -> bool:
        return tone_of(await picker.act(f"{at}/labels", parcel=parcel)) == "right"

    await wait_until(labelled, what="the label comes once the pause is over")


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (("failed", "ADDRESS.VERIFY.FAILURE: Address not found"), "Address not found Open it again and mend"),
        (("unknown", ""), "Shelf: awaiting label The carrier's answer was lost"),
    ],
)
async def test_the_bench_says_what_became_of_a_label_that_did_not_come(
    picker: Hand, shelves: Shop, clients: Clients, stack: LocalStack, fact: tuple[str, str], words: str
) -> None:
    at = await picked(shelves, await order(shelves))
    async with no_booking(clients, shelves):
        parcel = await closed_parcel(picker, shelves, at)
        connection = await asyncpg.connect(stack.dsn("inventory"))
        try:
            heard = "update parcel set label_state = $2, label_problem = $3 where id = $1"
            await connection.execute(heard, UUID(parcel), *fact)
        finally:
            await connection.close()
        page = await picker.visitor.get(at)

    assert words in text_of(page)
    assert "Asking the carrier" not in text_of(page)
    assert trigger_of(page) == "submit", "nothing is asked until somebody presses"


async def test_a_closed_parcel_is_opened_again_and_unpacked(picker: Hand, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    parcel, _ = await labelled_parcel(picker, shelves, at)
    opened = await picker.act(f"{at}/reopenings", parcel=parcel, reason="wrong box")
    assert "Open again" in text_of(opened)
    unpacked = await picker.act(f"{at}/discards", parcel=parcel)
    assert "Unpacked" in text_of(unpacked)
    assert "Scan the first item into a new parcel" in text_of(unpacked)


async def test_damage_at_the_bench_says_what_becomes_of_the_units(picker: Hand, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    await picker.visitor.read(at)
    answer = await picker.act(f"{at}/damages", sku=shelves.skus[1], quantity=1)
    assert (tone_of(answer), "Noted: 1 damaged" in text_of(answer)) == ("ask", True)


async def test_cancelled_units_are_put_back_by_scan(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    at = await picked(shelves, placed)
    await cancel(shelves, placed)
    assert "Cancelled: put back first 1" in await picker.visitor.read("/pack", location=shelves.tag)
    assert "before anything leaves: 3" in await picker.visitor.read(at)
    wrong = await picker.act(f"{at}/put-backs", code="NOT-OURS")
    assert tone_of(wrong) == "wrong"
    assert f"{shelves.skus[1]} · back into bin A-02-3" in await picker.visitor.read(at)
    one = await picker.do(f"{at}/put-backs", code=f"40{shelves.tag}")
    assert "Put it into bin A-01-3 Still to be put back: 2" in one
    all_back = await picker.do(f"{at}/put-backs", code=shelves.skus[1], quantity=2)
    assert "Nothing more is to be put back." in all_back


async def test_what_was_cancelled_comes_out_of_a_parcel_in_its_lane(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    at = await picked(shelves, placed)
    parcel, number = await labelled_parcel(picker, shelves, at)
    await picker.do(f"{at}/label-scans", parcel=parcel, code=number)
    await cancel(shelves, placed)
    assert "Cancelled units lie in parcel 1" in await picker.visitor.read(at)
    opened = await picker.do(f"{at}/reopenings", parcel=parcel, reason="units in it were cancelled")
    assert "Parcel 1 is open: unpack it" in opened
    unpacked = await picker.do(f"{at}/discards", parcel=parcel)
    assert "Scan what you put back" in unpacked
    back = await picker.act(f"{at}/put-backs", code=shelves.skus[0])
    assert tone_of(back) == "right"


@pytest.mark.parametrize(
    ("read", "number"),
    [
        ("9400111899223033005289", "9400111899223033005289"),
        ("420101159400111899223033005289", "9400111899223033005289"),
        ("]C1\x1d420101150000\x1d9400111899223033005289", "9400111899223033005289"),
        (" 1Z999AA10123456784\n", "1Z999AA10123456784"),
    ],
)
def test_a_label_is_read_through_the_frame_of_its_barcode(read: str, number: str) -> None:
    assert tracking_number(read) == number
    assert is_label_of(read, number.lower())

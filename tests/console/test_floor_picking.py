"""A picker with a scanner: taken lists, right and wrong scans, shorts, undo, and what is refused."""

import re

import pytest

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.clients import Clients
from tests.console.floor import Hand, order, tone_of
from tests.console.shop import Shop
from tests.console.visitor import text_of
from tests.waiting import wait_until


async def list_of(clients: Clients, at: str) -> dict[str, object]:
    answer = await clients.of("inventory", "picker", "test").get(f"/staff/pick-lists/{at.rsplit('/', 1)[-1]}")
    found: dict[str, object] = answer.json()
    return found


async def test_a_picker_walks_a_list_to_its_end(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    at = await picker.take_list(shelves)
    first = await picker.visitor.read(at)
    assert "A-01-3" in first
    assert "Blue mug" in first
    assert "Next A-02-3" in first
    assert "0/3" in first

    right = await picker.act(f"{at}/scans", code=f"40{shelves.tag}")
    assert tone_of(right) == "right"
    assert "This line is complete." in text_of(right)
    assert "This is the last bin." in text_of(right)

    one = await picker.act(f"{at}/scans", code=f"41{shelves.tag}")
    assert "1 more here." in text_of(one)
    last = await picker.act(f"{at}/scans", code=shelves.skus[1])

    assert tone_of(last) == "done"
    assert "3/3" in text_of(last)
    assert placed.number in text_of(last)
    assert "You have no list." in await picker.visitor.read("/pick")


async def test_a_picker_comes_back_to_the_list_they_are_on(picker: Hand, shelves: Shop) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    assert f'action="{at}/scans"' in (await picker.visitor.get("/pick")).text


async def test_nothing_to_pick_is_said(picker: Hand, shelves: Shop) -> None:
    assert await picker.go_on("/pick/next", location=shelves.tag) == "/pick"
    assert f"Nothing is to be picked at {shelves.tag} now." in await picker.visitor.read("/pick")


@pytest.mark.parametrize(
    ("code", "quantity", "title", "reason"),
    [
        ("NOT-OURS", 1, "Wrong item", "is not on this list: expected is Blue mug"),
        ("41{tag}", 3, "Too many", "too many of Atlas for tote T1: 3 scanned, 2 wanted"),
        ("C0{tag}", 1, "Too many", "stands for 6 units, 1 wanted"),
        ("x" * 65, 1, "Not accepted", "/barcode"),
    ],
)
async def test_a_wrong_scan_is_refused_with_the_services_reason(
    picker: Hand, shelves: Shop, code: str, quantity: int, title: str, reason: str
) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    answer = await picker.act(f"{at}/scans", code=code.format(tag=shelves.tag), quantity=quantity)
    assert tone_of(answer) == "wrong"
    assert title in text_of(answer)
    assert reason.lower() in text_of(answer).lower()
    assert "0/3" in text_of(answer), "nothing was picked"


async def test_a_scan_sent_again_counts_once(picker: Hand, shelves: Shop, clients: Clients) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    key = str(new_id())
    answers = [await picker.act(f"{at}/scans", key=key, code=f"41{shelves.tag}") for _ in range(2)]
    assert [tone_of(answer) for answer in answers] == ["right", "right"]
    assert (await list_of(clients, at))["remaining"] == 2


async def test_two_orders_wanting_the_same_item_are_told_apart_by_their_totes(picker: Hand, shelves: Shop) -> None:
    await order(shelves)
    await order(shelves)
    at = await picker.take_list(shelves)
    mug = f"40{shelves.tag}"

    asked = await picker.act(f"{at}/scans", code=mug)
    assert tone_of(asked) == "ask"
    assert "Which tote?" in text_of(asked)
    assert f'name="held" value="{mug}"' in asked.text
    right = await picker.act(f"{at}/scans", code="t2", held=mug, held_quantity=1)
    assert tone_of(right) == "right"
    assert "1 into tote T2: Blue mug" in text_of(right)

    named = await picker.act(f"{at}/scans", code="T2")
    assert tone_of(named) == "ask"
    assert 'name="tote" value="T2"' in named.text
    wrong = await picker.act(f"{at}/scans", code=mug, tote="T2")
    assert tone_of(wrong) == "wrong"
    assert 'name="tote" value=""' in wrong.text, "the next item needs its tote again"


@pytest.mark.parametrize("reason", ["not_found", "damaged", "mismatch"])
async def test_a_short_says_what_becomes_of_the_missing_units(picker: Hand, shelves: Shop, reason: str) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    page = (await picker.visitor.get(at)).text
    task = re.search(r'name="task_id" value="([0-9a-f-]+)"', page)
    assert task is not None
    answer = await picker.act(f"{at}/shorts", task_id=task[1], quantity=1, reason=reason)
    assert tone_of(answer) == "ask"
    assert "Noted: 1 short" in text_of(answer)
    assert "A-02-3" in text_of(answer)


async def test_the_last_scan_is_taken_back(picker: Hand, shelves: Shop) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    nothing = await picker.act(f"{at}/undo")
    assert tone_of(nothing) == "wrong"
    assert "Nothing to undo" in text_of(nothing)

    await picker.act(f"{at}/scans", code=f"40{shelves.tag}")
    undone = await picker.act(f"{at}/undo")

    assert "Lay 1 back into bin A-01-3: Blue mug, from tote T1." in text_of(undone)
    assert "0/3" in text_of(undone)


async def test_a_list_that_was_given_to_somebody_else_says_whose_it_is(
    picker: Hand, shelves: Shop, clients: Clients
) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    lead = clients.of("inventory", "warehouse_lead")
    key = {"Idempotency-Key": str(new_id())}
    given = await lead.post(f"/staff/pick-lists/{at.rsplit('/', 1)[-1]}/assign", json={"picker": "bo"}, headers=key)
    assert given.is_success, given.text

    answer = await picker.act(f"{at}/scans", code=f"40{shelves.tag}")

    assert tone_of(answer) == "wrong"
    assert "This list is bo's" in text_of(answer)
    assert 'id="scan"' not in answer.text


async def test_a_page_without_scripts_works_the_same(picker: Hand, shelves: Shop) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    answer = await picker.visitor.post(f"{at}/scans", {"key": str(new_id()), "code": "NOT-OURS"})
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert tone_of(answer) == "wrong"


async def test_no_success_is_shown_while_the_service_does_not_answer(
    picker: Hand, shelves: Shop, stack: LocalStack, clients: Clients
) -> None:
    await order(shelves)
    at = await picker.take_list(shelves)
    key = str(new_id())
    await stack.stop_processes(["inventory-api"])
    try:
        answer = await picker.act(f"{at}/scans", key=key, code=f"40{shelves.tag}")
    finally:
        await stack.start_process("inventory-api")
    assert answer.status_code == 503
    assert "The inventory service cannot be reached" in text_of(answer)

    async def counted() -> bool:
        return tone_of(await picker.act(f"{at}/scans", key=key, code=f"40{shelves.tag}")) == "right"

    await wait_until(counted, what="the same scan is taken once the service is back")
    assert (await list_of(clients, at))["remaining"] == 2

"""The lead's board: lists by cut-off, given and taken back, and what is late with its reason."""

import re

import pytest_asyncio

from deploy.local.stack import LocalStack
from tests.console.conftest import Visit
from tests.console.floor import Hand, miss_cut_off, order, parcel_of, picked
from tests.console.shop import Shop
from tests.console.visitor import text_of


@pytest_asyncio.fixture
async def lead(visit: Visit) -> Hand:
    return Hand(await visit("warehouse_lead"))


async def test_a_list_is_planned_given_to_a_picker_and_taken_back(lead: Hand, picker: Hand, shelves: Shop) -> None:
    await order(shelves)
    board = await lead.visitor.read("/floor", location=shelves.tag)
    assert "1 open" in board
    assert "No list is planned or in work for it." in board

    assert await lead.go_on("/floor/lists", location=shelves.tag) == "/floor"
    page = (await lead.visitor.get("/floor")).text
    assert "Planned. Units: 3, totes: 1." in page
    at = re.search(r'action="(/floor/lists/[0-9a-f-]+)/assign"', page)
    assert at is not None
    await lead.go_on(f"{at[1]}/assign", picker="picker")

    assert "Pia Picker assigned" in await lead.visitor.read("/floor")
    assert "A-01-3" in await picker.visitor.read("/pick"), "the picker finds the list"
    await lead.go_on(f"{at[1]}/unassign")
    assert "nobody's" in await lead.visitor.read("/floor")
    assert "You have no list." in await picker.visitor.read("/pick")


async def test_nothing_to_plan_is_said(lead: Hand, shelves: Shop) -> None:
    await lead.visitor.read("/floor", location=shelves.tag)
    await lead.go_on("/floor/lists", location=shelves.tag)
    assert "Nothing is to be planned: no order waits." in await lead.visitor.read("/floor")


async def test_an_order_past_its_cut_off_is_late_and_says_why(lead: Hand, shelves: Shop, stack: LocalStack) -> None:
    placed = await order(shelves)
    await miss_cut_off(stack, placed)

    page = await lead.visitor.get("/floor", location=shelves.tag)
    board = text_of(page)

    assert '<span class="badge badge-bad">1 open</span>' in page.text, "its cut-off is missed"
    assert "Late 1" in board
    assert f"{placed.number} 3 h ago 3 units to pick, nobody is on it" in board


async def test_work_in_progress_is_told_apart_by_whose_hands_it_is_in(lead: Hand, picker: Hand, shelves: Shop) -> None:
    await picked(shelves, await order(shelves))
    begun = await picked(shelves, await order(shelves))
    await picker.visitor.read(begun)
    parcel_of(await picker.act(f"{begun}/scans", code=shelves.skus[0]))
    await order(shelves)
    at = await picker.take_list(shelves)
    await picker.do(f"{at}/scans", code=f"40{shelves.tag}")

    board = await lead.visitor.read("/floor", location=shelves.tag)

    assert "1 being picked 1 waiting for the bench 1 being packed" in board
    assert "in progress" not in board

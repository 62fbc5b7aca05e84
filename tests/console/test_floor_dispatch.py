"""At the dock: what may leave leaves once, what must not is refused with the reason."""

from deploy.local.stack import LocalStack
from tests.console.floor import Hand, cancel, closed_parcel, labelled_parcel, miss_cut_off, order, picked, tone_of
from tests.console.shop import Shop
from tests.console.visitor import text_of


async def carrier_at(picker: Hand, shop: Shop) -> str:
    """Give the only carrier that has parcels at a shop's dock."""
    page = (await picker.visitor.get("/dispatch", location=shop.tag)).text
    return page.split('name="carrier" value="')[1].split('"')[0]


async def test_a_parcel_is_scanned_into_its_truck_once(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    _, number = await labelled_parcel(picker, shelves, await picked(shelves, placed))
    dock = {"location": shelves.tag, "carrier": await carrier_at(picker, shelves)}
    page = await picker.visitor.read("/dispatch", location=shelves.tag)
    assert "1 still here" in page
    assert placed.number in page

    loaded = await picker.act("/dispatch/hand-overs", code=number, **dock)
    assert (tone_of(loaded), "Load it" in text_of(loaded)) == ("right", True)
    assert "0 still here · 1 loaded since you came" in text_of(loaded)

    again = await picker.act("/dispatch/hand-overs", code=number, loaded="1", **dock)
    assert (tone_of(again), "Has left already" in text_of(again)) == ("wrong", True)
    assert "1 loaded since you came" in text_of(again)


async def test_the_same_scan_sent_again_is_still_a_yes(picker: Hand, shelves: Shop) -> None:
    _, number = await labelled_parcel(picker, shelves, await picked(shelves, await order(shelves)))
    dock = {"location": shelves.tag, "carrier": await carrier_at(picker, shelves)}
    tones = [
        tone_of(await picker.act("/dispatch/hand-overs", key=f"load {number}", code=number, **dock)) for _ in range(2)
    ]
    assert tones == ["right", "right"]


async def test_a_parcel_with_an_open_cancellation_stays(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    _, number = await labelled_parcel(picker, shelves, await picked(shelves, placed))
    dock = {"location": shelves.tag, "carrier": await carrier_at(picker, shelves)}
    await cancel(shelves, placed)

    refused = await picker.act("/dispatch/hand-overs", code=number, **dock)

    assert tone_of(refused) == "wrong"
    assert "Do not load: cancelled" in text_of(refused)
    assert "has units that were cancelled: put them back" in text_of(refused)


async def test_another_carriers_parcel_and_an_unknown_label_stay(picker: Hand, shelves: Shop) -> None:
    _, number = await labelled_parcel(picker, shelves, await picked(shelves, await order(shelves)))
    dock = {"location": shelves.tag, "carrier": "Somebody Else"}
    other = await picker.act("/dispatch/hand-overs", code=number, **dock)
    assert (tone_of(other), "Wrong truck" in text_of(other)) == ("wrong", True)
    unknown = await picker.act("/dispatch/hand-overs", code="1Z0", **dock)
    assert (tone_of(unknown), "Unknown label" in text_of(unknown)) == ("wrong", True)


async def test_an_empty_dock_says_so(picker: Hand, shelves: Shop) -> None:
    assert "Nothing waits for a truck" in await picker.visitor.read("/dispatch", location=shelves.tag)
    at = await picked(shelves, await order(shelves))
    await closed_parcel(picker, shelves, at)


async def test_what_has_missed_its_cut_off_is_first_at_the_dock_and_says_so(
    picker: Hand, shelves: Shop, stack: LocalStack
) -> None:
    staged = await order(shelves)
    at = await picked(shelves, staged)
    parcel, number = await labelled_parcel(picker, shelves, at)
    await picker.do(f"{at}/label-scans", parcel=parcel, code=number)
    late = await order(shelves)
    await labelled_parcel(picker, shelves, await picked(shelves, late))
    await miss_cut_off(stack, late)

    dock = await picker.visitor.read("/dispatch", location=shelves.tag)

    assert dock.index(late.number) < dock.index(staged.number), "the staged one would come first by its state"
    assert "late since" in dock[dock.index(late.number) : dock.index(staged.number)]

"""Stock at the shelves: receive what came, count what lies there."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response

from services.console.actions import shelves
from services.console.actions.articles import find_scanned, read_articles
from services.console.actions.scans import plain_code
from services.console.actions.shelves import Receipt
from services.console.actions.verdicts import Tone, Verdict
from services.console.api.guard import Warehouse
from services.console.api.judging import judge
from services.console.api.pages import done, page, wants_part
from services.console.api.places import keep, stand
from services.console.rendering import say
from services.console.schemas.stock import Changed, Received, Sku

router = APIRouter(prefix="/stock")

Code = Annotated[str, Form(max_length=200)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Count = Annotated[int, Form(ge=1, le=1_000_000)]
Counted = Annotated[int, Form(ge=0, le=1_000_000)]


@router.get("")
async def show_stock(request: Request, who: Warehouse) -> Response:
    """Show what is expected and what should be counted."""
    standing = await stand(request, who)
    found = await shelves.read_shelves(who.caller, standing.here.code)
    if wants_part(request):
        return page(request, "parts/shelves.html", standing=standing, shelves=found)
    return keep(page(request, "stock.html", standing=standing, shelves=found), standing)


@router.get("/receive")
async def show_free_receipt(request: Request, who: Warehouse) -> Response:
    """Receive without an announcement."""
    standing = await stand(request, who)
    return keep(await _show_receipt(request, who, None, free=(standing.here.code, "")), standing)


@router.get("/inbounds/{inbound_id}")
async def show_inbound(request: Request, inbound_id: UUID, who: Warehouse) -> Response:
    """Receive against an announced delivery."""
    return await _show_receipt(request, who, inbound_id)


@router.post("/receipts")
async def receive(
    request: Request,
    who: Warehouse,
    location: Code,
    code: Code,
    key: Key,
    quantity: Count = 1,
    damaged: Counted = 0,
    inbound: Annotated[UUID | None, Form()] = None,
    reference: Code = "",
) -> Response:
    """Book scanned units in."""
    sku = await find_scanned(who.caller, code)
    if sku is None:
        return await _show_receipt(request, who, inbound, _unknown(code), (location, reference))
    units = quantity * sku.units_of(plain_code(code))
    receipt = Receipt(sku.code, location, units, damaged, inbound, reference.strip(), key)

    async def doing() -> Verdict:
        return _booked(sku, receipt, await shelves.receive(who.caller, receipt))

    return await _show_receipt(request, who, inbound, await judge(doing()), (location, reference))


@router.post("/inbounds/{inbound_id}/arrive")
async def arrive(request: Request, inbound_id: UUID, who: Warehouse, key: Key) -> Response:
    """Note that a delivery stands at the dock."""
    await who.caller.act("inventory", f"/staff/inbounds/{inbound_id}/arrive", None, key=key)
    return done(request, f"/stock/inbounds/{inbound_id}", say("Noted: it stands at the dock."))


@router.post("/inbounds/{inbound_id}/close")
async def close(request: Request, inbound_id: UUID, who: Warehouse, key: Key) -> Response:
    """Close a delivery: nothing more of it will come."""
    await who.caller.act("inventory", f"/staff/inbounds/{inbound_id}/close", None, key=key)
    return done(request, f"/stock/inbounds/{inbound_id}", say("The delivery is closed."))


@router.get("/count")
async def show_count(request: Request, who: Warehouse, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Scan what is counted."""
    standing = await stand(request, who)
    sku = await find_scanned(who.caller, q) if q.strip() else None
    verdict = _unknown(q) if q.strip() and sku is None else None
    template = "parts/count.html" if wants_part(request) else "count.html"
    return keep(page(request, template, sku=sku, location=standing.here, verdict=verdict), standing)


@router.post("/counts")
async def count(
    request: Request, who: Warehouse, location: Code, sku: Code, counted: Counted, key: Key, reason: Code = ""
) -> Response:
    """Book a count."""
    line: dict[str, object] = {"sku": sku, "location": location, "counted": counted}

    async def doing() -> Verdict:
        return _counted(await shelves.count(who.caller, line, reason.strip() or "count", key), counted)

    standing = await stand(request, who)
    template = "parts/count.html" if wants_part(request) else "count.html"
    return page(request, template, sku=None, location=standing.here, verdict=await judge(doing()))


async def _show_receipt(
    request: Request,
    who: Warehouse,
    inbound_id: UUID | None,
    verdict: Verdict | None = None,
    free: tuple[str, str] = ("", ""),
) -> Response:
    inbound = await shelves.read_inbound(who.caller, inbound_id) if inbound_id is not None else None
    codes = [line.sku for line in inbound.lines] if inbound is not None else []
    return page(
        request,
        "parts/receipt.html" if wants_part(request) else "receive.html",
        inbound=inbound,
        articles=await read_articles(who.caller, codes),
        location=inbound.location if inbound is not None else free[0],
        reference=free[1],
        verdict=verdict,
    )


def _unknown(code: str) -> Verdict:
    words = say("No article has the code {code}.", code=plain_code(code)[:60])
    return Verdict(Tone.WRONG, say("Unknown article"), words)


def _booked(sku: Sku, receipt: Receipt, received: Received) -> Verdict:
    words = [say("{name} to bin {bin}.", name=sku.name, bin=sku.bin_at(receipt.location) or say("of your choice"))]
    if receipt.damaged:
        words.append(say("{count} damaged: to the quarantine shelf.", count=receipt.damaged))
    if received.backorders_filled:
        words.append(say("{count} go to orders that waited.", count=received.backorders_filled))
    return Verdict(Tone.RIGHT, say("Booked: {count}", count=receipt.quantity), " ".join(words))


def _counted(changed: Changed, counted: int) -> Verdict:
    free = sum(line.available for line in changed.lines)
    words = [say("{count} of them are free.", count=free)]
    if changed.displaced:
        words.append(say("{count} reserved units lost their place; they are found elsewhere.", count=changed.displaced))
    tone = Tone.ASK if changed.displaced else Tone.RIGHT
    return Verdict(tone, say("Booked: {count} on hand", count=counted), " ".join(words))

"""Transfers: scan what goes onto the pallet, say where to, send it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from services.console.actions import shelves
from services.console.actions.articles import find_scanned, read_articles
from services.console.actions.scans import plain_code
from services.console.actions.shelves import Load
from services.console.actions.verdicts import Tone, Verdict
from services.console.api.guard import Visitor, Warehouse
from services.console.api.pages import done, page, wants_part
from services.console.api.places import keep, stand
from services.console.rendering import local, say
from services.console.settings import pages
from shared import clock

router = APIRouter(prefix="/stock/transfers")

Code = Annotated[str, Form(max_length=200)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Count = Annotated[int, Form(ge=1, le=1_000_000)]
Lines = Annotated[list[str] | None, Form(max_length=500)]
_USUALLY = timedelta(days=2)


@router.get("")
async def show_transfer(request: Request, who: Warehouse) -> Response:
    """Begin a transfer."""
    return await _show(request, who, [])


@router.post("/lines")
async def change_lines(
    request: Request, who: Warehouse, code: Code = "", quantity: Count = 1, drop: Code = "", line: Lines = None
) -> Response:
    """Put scanned units onto the pallet, or take a line off; nothing is booked yet."""
    loads = [load for load in shelves.read_loads(line or []) if load.sku != drop]
    if drop or not code.strip():
        return await _show(request, who, loads)
    sku = await find_scanned(who.caller, code)
    if sku is None:
        words = say("No article has the code {code}.", code=plain_code(code)[:60])
        return await _show(request, who, loads, Verdict(Tone.WRONG, say("Unknown article"), words))
    loads = shelves.add_load(loads, sku.code, quantity * sku.units_of(plain_code(code)))
    on_it = loads[-1].quantity
    verdict = Verdict(
        Tone.ASK,
        say("On the pallet: {count}", count=on_it),
        say("{name}. Nothing is booked before you send it.", name=sku.name),
    )
    return await _show(request, who, loads, verdict)


@router.post("")
async def send(
    request: Request,
    who: Warehouse,
    target: Code,
    expected_at: Code,
    key: Key,
    source: Code = "",
    reference: Code = "",
    line: Lines = None,
) -> Response:
    """Send it: the units leave this location and are expected at the other."""
    expected = shelves.moment_of(expected_at, pages().time_zone)
    body: dict[str, object] = {
        "source": source,
        "target": target,
        "expected_at": expected.isoformat(),
        "reference": reference.strip() or "transfer",
        "lines": [{"sku": load.sku, "quantity": load.quantity} for load in shelves.read_loads(line or [])],
    }
    sent = await shelves.transfer(who.caller, body, key)
    return done(request, "/stock", say("On their way to {place}: {count}.", count=sent.expected, place=target))


async def _show(request: Request, who: Visitor, loads: Sequence[Load], verdict: Verdict | None = None) -> Response:
    standing = await stand(request, who)
    articles = await read_articles(who.caller, [load.sku for load in loads])
    template = "parts/transfer.html" if wants_part(request) else "transfer.html"
    expected = f"{local(clock.now() + _USUALLY):%Y-%m-%dT%H:00}"
    shown = page(
        request, template, standing=standing, loads=loads, articles=articles, verdict=verdict, expected=expected
    )
    return keep(shown, standing)

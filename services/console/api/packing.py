"""The pack bench: what waits for a packer, and one order on the bench until its parcel lies in the carrier's lane."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from services.console.actions import packing
from services.console.actions.scans import is_label_of, plain_code, tracking_number
from services.console.actions.verdicts import Tone, Verdict
from services.console.api.guard import Picker
from services.console.api.judging import judge, what_became
from services.console.api.pages import done, page, wants_part
from services.console.api.places import keep, stand
from services.console.errors import ServiceAwayError, WorkPausedError
from services.console.rendering import say
from services.console.schemas.warehouse import Damaged, Fulfilment, Labelled, Parcel, PutBack

router = APIRouter(prefix="/pack")

Code = Annotated[str, Form(max_length=200)]
Words = Annotated[str, Form(max_length=500)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Count = Annotated[int, Form(ge=1, le=100_000)]
Grams = Annotated[int, Form(ge=1, le=1_000_000)]
Tare = Annotated[int, Form(ge=0, le=100_000)]
Millimetres = Annotated[int, Form(ge=1, le=5_000)]
Chosen = Annotated[UUID, Form()]


@dataclass(frozen=True, slots=True)
class AtBench:
    """A packer in front of one order."""

    request: Request
    who: Picker
    order_id: UUID
    fulfilment_id: UUID

    async def act(self, path: str, body: object, key: str) -> Parcel:
        """Do something with a parcel, once; raises RefusedError."""
        return Parcel.model_validate(await self.who.caller.act("inventory", path, body, key=key))

    async def show(self, verdict: Verdict | None = None, *, parcel: str = "", asked: bool = False) -> Response:
        """Show the bench; `asked` says that the label was asked for just now."""
        bench = await packing.read_bench(self.who.caller, self.order_id, self.fulfilment_id, parcel)
        printers = await packing.read_printers(self.who.caller, bench)
        template = "parts/bench.html" if wants_part(self.request) else "pack_bench.html"
        return page(self.request, template, bench=bench, verdict=verdict, asked=asked, printers=printers)

    async def judged(self, doing: Callable[[], Awaitable[Verdict]], *, parcel: str = "") -> Response:
        """Do it, and show the bench with what came of it."""
        return await self.show(await judge(doing()), parcel=parcel)


def _at_bench(request: Request, who: Picker, order_id: UUID, fulfilment_id: UUID) -> AtBench:
    return AtBench(request, who, order_id, fulfilment_id)


Bench = Annotated[AtBench, Depends(_at_bench)]
_AT = "/{order_id}/{fulfilment_id}"


@router.get("")
async def show_start(request: Request, who: Picker, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Find what was scanned, or show what waits for a packer."""
    standing = await stand(request, who)
    read, verdict = plain_code(q), None
    found: list[Fulfilment] = []
    if read:
        parcel, found = await packing.find(who.caller, standing.here.code, read)
        if parcel is not None:
            return keep(done(request, f"/pack/{parcel.order_id}/{parcel.fulfilment_id}?parcel={parcel.id}"), standing)
        if len(found) == 1:
            return keep(done(request, f"/pack/{found[0].order_id}/{found[0].id}"), standing)
        if not found:
            words = say("Nothing at {place} to be packed has this name.", place=standing.here.name)
            verdict = Verdict(Tone.WRONG, say("{read} is unknown", read=read[:40]), words)
    shown = partial(page, request, standing=standing, found=found, read=read, verdict=verdict)
    if wants_part(request) and read:
        return keep(shown("parts/pack_found.html"), standing)
    waiting = await packing.read_waiting(who.caller, standing.here.code)
    if wants_part(request):
        return shown("parts/pack_waiting.html", waiting=waiting)
    return keep(shown("pack_start.html", waiting=waiting), standing)


@router.get(_AT)
async def show_bench(at: Bench, parcel: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Show the bench."""
    return await at.show(parcel=parcel)


@router.post(f"{_AT}/scans")
async def scan(at: Bench, code: Code, key: Key, quantity: Count = 1, parcel: Code = "") -> Response:
    """Put a scanned item into the parcel in hand, or into a new one."""
    body = {"barcode": plain_code(code), "quantity": quantity}

    async def doing() -> Verdict:
        if parcel:
            packed = await at.act(f"/staff/parcels/{parcel}/scans", body, key)
        else:
            packed = await at.act(f"/staff/fulfilments/{at.fulfilment_id}/parcels", {"contents": [body]}, key)
        return Verdict(Tone.RIGHT, say("In the parcel"), say("Units in it now: {count}", count=packed.units))

    return await at.judged(doing, parcel=parcel)


@router.post(f"{_AT}/weighings")
async def weigh(
    at: Bench,
    parcel: Chosen,
    key: Key,
    weight: Grams,
    length: Millimetres,
    width: Millimetres,
    height: Millimetres,
    tare: Tare = 0,
) -> Response:
    """Weigh and measure; the service says whether the weight fits the contents."""
    body = {
        "weight_grams": weight, "length_mm": length, "width_mm": width, "height_mm": height, "tare_grams": tare,
    }  # fmt: skip

    async def doing() -> Verdict:
        weighed = await at.act(f"/staff/parcels/{parcel}/weighings", body, key)
        return _weighed(weighed)

    return await at.judged(doing, parcel=str(parcel))


@router.post(f"{_AT}/closings")
async def close(at: Bench, parcel: Chosen, key: Key) -> Response:
    """Close the parcel; its label is asked for next."""

    async def doing() -> Verdict:
        await at.act(f"/staff/parcels/{parcel}/closings", {}, key)
        return Verdict(Tone.RIGHT, say("Closed"), say("Now its label is asked for."))

    return await at.judged(doing, parcel=str(parcel))


@router.post(f"{_AT}/labels")
async def ask_for_label(at: Bench, parcel: Chosen, key: Key) -> Response:
    """Ask for the label and wait up to ten seconds; whatever keeps it away, the parcel has a shelf to lie on."""

    async def doing() -> Verdict:
        try:
            answer = await at.who.caller.act("inventory", f"/staff/parcels/{parcel}/label", {}, key=key)
        except ServiceAwayError as error:
            return _on_the_shelf(error)
        return _labelled(Labelled.model_validate(answer))

    return await at.show(await judge(doing()), parcel=str(parcel), asked=True)


@router.post(f"{_AT}/label-scans")
async def scan_label(at: Bench, parcel: Chosen, code: Code, key: Key) -> Response:
    """Check that the label on the parcel is its own, and stage it."""
    bench = await packing.read_bench(at.who.caller, at.order_id, at.fulfilment_id, str(parcel))
    mine = bench.parcel.label.tracking_number if bench.parcel is not None else ""
    if bench.parcel is None or not is_label_of(code, mine):
        words = say("This reads {read}; the label of this parcel is {number}.", read=tracking_number(code), number=mine)
        return await at.show(Verdict(Tone.WRONG, say("Wrong label"), words), parcel=str(parcel))
    body = {"location": bench.parcel.location, "tracking_number": mine}

    async def doing() -> Verdict:
        staged = await at.act("/staff/stagings", body, key)
        return Verdict(Tone.DONE, say("Into the lane of {carrier}", carrier=staged.label.carrier), mine)

    return await at.judged(doing, parcel=str(parcel))


@router.post(f"{_AT}/reopenings")
async def reopen(at: Bench, parcel: Chosen, reason: Words, key: Key) -> Response:
    """Have the label given back and open the parcel again."""

    async def doing() -> Verdict:
        await at.act(f"/staff/parcels/{parcel}/reopenings", {"reason": reason.strip()}, key)
        return Verdict(Tone.ASK, say("Open again"), say("Take the old label off: it is void."))

    return await at.judged(doing, parcel=str(parcel))


@router.post(f"{_AT}/discards")
async def discard(at: Bench, parcel: Chosen, key: Key) -> Response:
    """Lay the contents back into the tote."""

    async def doing() -> Verdict:
        await at.act(f"/staff/parcels/{parcel}/discards", {}, key)
        return Verdict(Tone.ASK, say("Unpacked"), say("Everything of this parcel lies in the tote again."))

    return await at.judged(doing)


@router.post(f"{_AT}/damages")
async def report_damage(at: Bench, sku: Code, quantity: Count, key: Key, parcel: Code = "") -> Response:
    """Report units that turned out damaged."""

    async def doing() -> Verdict:
        path = f"/staff/fulfilments/{at.fulfilment_id}/damages"
        answer = await at.who.caller.act("inventory", path, {"sku": sku, "quantity": quantity}, key=key)
        damaged = Damaged.model_validate(answer)
        became = what_became(damaged.replaced, damaged.backordered, damaged.expected_at)
        return Verdict(Tone.ASK, say("Noted: {count} damaged", count=quantity), became)

    return await at.judged(doing, parcel=parcel)


@router.post(f"{_AT}/put-backs")
async def put_back(at: Bench, code: Code, key: Key, quantity: Count = 1) -> Response:
    """Lay cancelled units back on their shelf by scan."""

    async def doing() -> Verdict:
        path = f"/staff/fulfilments/{at.fulfilment_id}/put-backs"
        body = {"barcode": plain_code(code), "quantity": quantity}
        answer = PutBack.model_validate(await at.who.caller.act("inventory", path, body, key=key))
        due = sum(line.quantity for line in answer.due)
        left = say("Still to be put back: {count}", count=due) if due else say("Nothing more is to be put back.")
        bench = await packing.read_bench(at.who.caller, at.order_id, at.fulfilment_id)
        laid = {line.sku for line in answer.put_back}
        bins = ", ".join(sorted({entry.bin for entry in bench.lines if entry.line.sku in laid and entry.bin}))
        title = say("Put it into bin {bin}", bin=bins) if bins else say("Put it on its shelf")
        return Verdict(Tone.RIGHT, title, left)

    return await at.judged(doing)


def _weighed(parcel: Parcel) -> Verdict:
    grams = {
        "weight": (parcel.weight_grams or 0) - parcel.tare_grams,
        "expected": parcel.expected_grams,
        "variance": abs(parcel.variance_grams or 0),
    }
    if not parcel.variance_exceeded:
        return Verdict(Tone.RIGHT, say("The weight fits"), say("{weight} g, expected {expected} g.", **grams))
    if (parcel.variance_grams or 0) > 0:
        words = say("{variance} g too heavy: {weight} g, expected {expected} g. Is something in it twice?", **grams)
    else:
        words = say("{variance} g too light: {weight} g, expected {expected} g. Is something missing?", **grams)
    return Verdict(Tone.WRONG, say("Check the contents"), words)


def _labelled(answer: Labelled) -> Verdict:
    label = answer.parcel.label
    if answer.label is not None and label.state == "live":
        return Verdict(Tone.RIGHT, say("The label is here"), f"{label.carrier} {label.service} {label.tracking_number}")
    if label.state == "failed":
        return Verdict(Tone.WRONG, say("The carrier refused it"), label.problem)
    return Verdict(Tone.ASK, say("No label yet"), say("Put the parcel on the shelf “awaiting label”."))


def _on_the_shelf(error: ServiceAwayError) -> Verdict:
    """Nobody sells a label now: say why, and what to do; when it is the warehouse that is away, its bench is too."""
    if isinstance(error, WorkPausedError):
        words = say("An operator has paused the buying of labels. Put the parcel on the shelf “awaiting label”.")
    else:
        words = say("Shipping does not answer. Put the parcel on the shelf “awaiting label”.")
    return Verdict(Tone.ASK, say("No label yet"), words)

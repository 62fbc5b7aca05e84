"""The picker's pages: take a list, walk it with a scanner, be told right or wrong at once."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from services.console.actions import picking
from services.console.actions.picking import ItemScan, Walk
from services.console.actions.verdicts import Tone, Verdict, is_verdict
from services.console.actions.workload import read_workload
from services.console.api.guard import Picker
from services.console.api.judging import judge, refusal, what_became
from services.console.api.pages import done, page, wants_part, words_of
from services.console.api.places import keep, stand
from services.console.errors import RefusedError
from services.console.rendering import say
from services.console.schemas.warehouse import Scanned

router = APIRouter(prefix="/pick")

Code = Annotated[str, Form(max_length=200)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Count = Annotated[int, Form(ge=1, le=100_000)]
MODES = (("multi_order_cart", "A cart with several orders"), ("single", "One order"))
SHORT_REASONS = (("not_found", "Not there"), ("damaged", "Damaged"), ("mismatch", "Something else lies there"))


@router.get("")
async def show_start(request: Request, who: Picker) -> Response:
    """Show the list somebody is on, else offer the next one."""
    active = await picking.find_active(who.caller, who.person.login)
    if active is not None and wants_part(request):
        return done(request, f"/pick/{active.id}")
    if active is not None:
        return _show(request, who, await picking.read_walk(who.caller, active.id))
    standing = await stand(request, who)
    load = await read_workload(who.caller, standing.here.code)
    if wants_part(request):
        return page(request, "parts/to_pick.html", load=load)
    return keep(page(request, "pick_start.html", standing=standing, modes=MODES, load=load), standing)


@router.post("/next")
async def take_next(
    request: Request, who: Picker, location: Code, key: Key, mode: Code = "multi_order_cart", orders: Count = 8
) -> Response:
    """Take the next list."""
    wanted: dict[str, object] = {"location": location, "mode": mode, "max_orders": orders}
    picks = await picking.take_next(who.caller, wanted, key)
    if picks is None:
        return done(request, "/pick", say("Nothing is to be picked at {location} now.", location=location))
    return done(request, f"/pick/{picks.id}")


@router.get("/{list_id}")
async def show_list(request: Request, list_id: UUID, who: Picker) -> Response:
    """Show the walk."""
    return _show(request, who, await picking.read_walk(who.caller, list_id))


@router.post("/{list_id}/scans")
async def scan(
    request: Request,
    list_id: UUID,
    who: Picker,
    code: Code,
    key: Key,
    quantity: Count = 1,
    tote: Code = "",
    held: Code = "",
    held_quantity: Count = 1,
) -> Response:
    """Take a scan: an item, or the tote for it, in whichever order."""
    before = await picking.read_walk(who.caller, list_id)
    code = code.strip()
    named = picking.tote_named(before.picks, code)
    if named and not held:
        return _show(request, who, before, _ask_for_item(named), tote=named)
    item = ItemScan(held, held_quantity, named, key) if named else ItemScan(code, quantity, tote, key)
    try:
        scanned = await picking.scan(who.caller, list_id, item)
    except RefusedError as error:
        if not is_verdict(error):
            raise
        return await _show_refusal(request, who, list_id, item, error)
    after = await picking.read_walk(who.caller, list_id)
    kept = item.tote if after.now is not None and after.now.task_id == scanned.task.task_id else ""
    return _show(request, who, after, _right(scanned, after), tote=kept)


@router.post("/{list_id}/undo")
async def undo(request: Request, list_id: UUID, who: Picker, key: Key) -> Response:
    """Take the last scan back."""

    async def doing() -> Verdict:
        undone = await picking.undo(who.caller, list_id, key)
        words = say("Lay {units} back into bin {bin}: {name}, from tote {tote}.", **_named(undone))
        return Verdict(Tone.ASK, say("Taken back"), words)

    verdict = await judge(doing())
    return _show(request, who, await picking.read_walk(who.caller, list_id), verdict)


@router.post("/{list_id}/shorts")
async def report_short(
    request: Request,
    list_id: UUID,
    who: Picker,
    key: Key,
    task_id: Annotated[UUID, Form()],
    quantity: Count,
    reason: Code,
) -> Response:
    """Report units that are missing, damaged or something else."""
    body: dict[str, object] = {"task_id": str(task_id), "quantity": quantity, "reason": reason}

    async def doing() -> Verdict:
        shorted = await picking.report_short(who.caller, list_id, body, key)
        became = what_became(shorted.replaced, shorted.backordered, shorted.expected_at)
        return Verdict(Tone.ASK, say("Noted: {count} short", count=quantity), became or say("Go on with the next bin."))

    verdict = await judge(doing())
    return _show(request, who, await picking.read_walk(who.caller, list_id), verdict)


@router.post("/{list_id}/leave")
async def leave(request: Request, list_id: UUID, who: Picker, key: Key) -> Response:
    """Give the list back."""
    await who.caller.act("inventory", f"/staff/pick-lists/{list_id}/unassign", {}, key=key)
    return done(request, "/pick", say("The list is given back; somebody else goes on with it."))


def _show(request: Request, who: Picker, walk: Walk, verdict: Verdict | None = None, **scanning: str | int) -> Response:
    """Show the walk, or after a scan only what changes of it."""
    shown = {"tote": "", "held": "", "held_quantity": 1, "quantity": 1, **scanning}
    is_mine = walk.picks.picker == who.person.login
    template = "parts/pick_work.html" if wants_part(request) else "pick.html"
    return page(request, template, walk=walk, verdict=verdict, scanning=shown, is_mine=is_mine, reasons=SHORT_REASONS)


async def _show_refusal(request: Request, who: Picker, list_id: UUID, item: ItemScan, error: RefusedError) -> Response:
    walk = await picking.read_walk(who.caller, list_id)
    if picking.wants_a_tote(error, item.tote):
        asked = Verdict(Tone.ASK, say("Which tote?"), words_of(error))
        return _show(request, who, walk, asked, held=item.code, held_quantity=item.quantity)
    return _show(request, who, walk, refusal(error))


def _named(scanned: Scanned) -> dict[str, object]:
    task = scanned.task
    return {"units": scanned.units, "name": task.name, "tote": task.tote, "bin": task.bin}


def _ask_for_item(tote: str) -> Verdict:
    return Verdict(Tone.ASK, say("Tote {tote}", tote=tote), say("Now scan the item that goes into it."))


def _right(scanned: Scanned, after: Walk) -> Verdict:
    words = say("{units} into tote {tote}: {name}", **_named(scanned))
    if after.now is None:
        return Verdict(Tone.DONE, say("List done"), words)
    left = scanned.task.remaining
    more = say("{count} more here.", count=left) if left else say("This line is complete.")
    return Verdict(Tone.RIGHT, say("Right"), f"{words}. {more}")

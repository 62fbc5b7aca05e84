"""Stock in and out of the books: receipts, adjustments, counts, transfers and safety stock."""

from collections.abc import Collection, Sequence

from services.inventory.actions.backorders import fill_backorders
from services.inventory.actions.displacement import make_room
from services.inventory.actions.effects import Act, Effect, apply_effects, request_snapshots
from services.inventory.actions.inbound import announce_transfer, receive_against
from services.inventory.errors import InsufficientStockError, NoStockRowError, UnknownLocationError, UnknownSkuError
from services.inventory.queries import locations, reservations, skus, stock
from services.inventory.schemas.stock import (
    Adjust,
    AdjustLine,
    Count,
    CountLine,
    Receive,
    ReceiveLine,
    SafetyLine,
    SetSafety,
    Transfer,
)
from services.inventory.schemas.stock_answers import Changed, InboundAnswer, Received, StockAnswer
from shared.audit import audit
from shared.db import Transaction
from shared.errors import FieldError, InvalidError

Placed = ReceiveLine | AdjustLine | CountLine

ADJUSTMENTS: dict[tuple[str, bool], Act] = {
    ("on_hand", True): Act.ADJUST_UP,
    ("on_hand", False): Act.ADJUST_DOWN,
    ("damaged", True): Act.DAMAGE,
    ("damaged", False): Act.REPAIR,
    ("quarantined", True): Act.QUARANTINE,
    ("quarantined", False): Act.CLEAR,
}
"""The act of an adjustment by bucket and whether it adds."""

TAKING = frozenset({Act.ADJUST_DOWN, Act.COUNT_DOWN, Act.DAMAGE, Act.QUARANTINE})
"""Acts after which fewer units can be reserved."""


async def receive_stock(tx: Transaction, body: Receive, actor: str) -> Received:
    """Book units in, free or against an inbound, and serve with them those who wait.

    Raises UnknownSkuError, UnknownLocationError, InboundNotFoundError, InboundClosedError.
    """
    await _refuse_unknown(tx, body.lines)
    kind = "purchase"
    if body.inbound_id is not None:
        kind = await receive_against(tx, body.inbound_id, [(r.sku, r.location, r.quantity) for r in body.lines])
    keys = {(line.sku, line.location) for line in body.lines}
    await stock.ensure_stock(tx, keys)
    # Everywhere, because the units may serve orders together with stock of other locations.
    await stock.lock_reachable(tx, {sku for sku, _ in keys}, ())
    document = f"inbound:{body.inbound_id}" if body.inbound_id is not None else f"receipt:{body.reference}"
    act = Act.TRANSFER_IN if kind == "transfer" else Act.RECEIVE
    effects = [effect for line in body.lines for effect in _receipt(line, act, document, actor)]
    await apply_effects(tx, effects, locked=True)
    await reservations.forgive_locations(tx, sorted(keys))
    filled = await fill_backorders(tx, {sku for sku, _ in keys})
    return Received(lines=await _show(tx, keys), backorders_filled=filled)


def _receipt(line: ReceiveLine, act: Act, document: str, actor: str) -> list[Effect]:
    effects = [Effect(act, line.sku, line.location, line.quantity, document, actor)]
    if line.damaged:
        effects.append(Effect(Act.DAMAGE, line.sku, line.location, line.damaged, document, actor))
    return effects


async def adjust_stock(tx: Transaction, body: Adjust, actor: str) -> Changed:
    """Correct buckets; reservations that no longer fit are displaced, latest promise first.

    Raises UnknownSkuError, UnknownLocationError and InsufficientStockError.
    """
    await _refuse_unknown(tx, body.lines)
    effects = [_adjustment(line, body.reason, actor) for line in body.lines]
    return await _correct(tx, effects, body.reason, actor)


def _adjustment(line: AdjustLine, reason: str, actor: str) -> Effect:
    act = ADJUSTMENTS[line.bucket, line.quantity > 0]
    return Effect(act, line.sku, line.location, abs(line.quantity), f"adjustment:{reason}", actor)


async def count_stock(tx: Transaction, body: Count, actor: str) -> Changed:
    """Set on_hand to what was counted, by its difference; closes open count tasks.

    Raises UnknownSkuError, UnknownLocationError, InsufficientStockError and InvalidError (a line twice).
    """
    _refuse_repeated(body.lines)
    await _refuse_unknown(tx, body.lines)
    counted = {(line.sku, line.location): line.counted for line in body.lines}
    await stock.ensure_stock(tx, counted)
    rows = await stock.lock_reachable(tx, {sku for sku, _ in counted}, ())
    effects: list[Effect] = []
    for (sku, location), units in sorted(counted.items()):
        difference = units - rows[sku, location].on_hand
        if difference:
            act = Act.COUNT_UP if difference > 0 else Act.COUNT_DOWN
            effects.append(Effect(act, sku, location, abs(difference), f"count:{body.reason}", actor))
    changed = await _correct(tx, effects, body.reason, actor)
    await stock.close_count_tasks(tx, [(sku, code, units) for (sku, code), units in sorted(counted.items())])
    await reservations.forgive_locations(tx, sorted(counted))
    await reservations.mark_for_refill(tx, {sku for sku, _ in counted})
    return Changed(lines=await _show(tx, counted), displaced=changed.displaced)


async def _correct(tx: Transaction, effects: Sequence[Effect], reason: str, actor: str) -> Changed:
    keys = {(effect.sku, effect.location) for effect in effects}
    await stock.ensure_stock(tx, keys)
    taken: dict[stock.Key, int] = {}
    for effect in effects:
        if effect.act in TAKING:
            key = (effect.sku, effect.location)
            taken[key] = taken.get(key, 0) + effect.quantity
    await _refuse_more_than_there_is(tx, effects)
    displaced = await make_room(tx, taken, actor=actor)
    await apply_effects(tx, effects)
    await reservations.mark_for_refill(tx, {sku for sku, _ in keys})
    change = [{"act": e.act, "sku": e.sku, "location": e.location, "quantity": e.quantity} for e in effects]
    await audit(tx, actor=actor, act="correct_stock", subject="stock", reason=reason, change=(None, change))
    return Changed(lines=await _show(tx, keys), displaced=displaced)


async def _refuse_more_than_there_is(tx: Transaction, effects: Sequence[Effect]) -> None:
    """Say so before anybody is displaced for nothing."""
    rows = await stock.lock_reachable(tx, {effect.sku for effect in effects}, ())
    for effect in effects:
        row = rows[effect.sku, effect.location]
        sellable = row.on_hand - row.damaged - row.quarantined
        if effect.act in TAKING and effect.quantity > sellable:
            raise InsufficientStockError(
                f"only {sellable} sellable units of {effect.sku} lie at {effect.location}, not {effect.quantity}",
                extra={"sku": effect.sku, "location": effect.location, "sellable": sellable},
            )


async def ship_transfer(tx: Transaction, body: Transfer, actor: str) -> InboundAnswer:
    """Book units out of one location and announce them at another; only free units travel.

    Raises UnknownSkuError, UnknownLocationError, NoStockRowError and InsufficientStockError.
    """
    wanted: dict[str, int] = {}
    for line in body.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    await _refuse_unknown_skus(tx, [line.sku for line in body.lines])
    await _refuse_unknown_places(tx, {"/source": body.source, "/target": body.target})
    inbound = await announce_transfer(tx, body, wanted)
    document = f"inbound:{inbound.id}"
    await apply_effects(
        tx, [Effect(Act.TRANSFER_OUT, sku, body.source, units, document, actor) for sku, units in wanted.items()]
    )
    return inbound


async def set_safety_stock(tx: Transaction, body: SetSafety, actor: str) -> Changed:
    """Set how many units allocation leaves alone; what is reserved stays. Raises NoStockRowError and InvalidError."""
    _refuse_repeated(body.lines)
    wanted = {(line.sku, line.location): line.safety_stock for line in body.lines}
    await stock.lock_stock(tx, wanted)
    touched = await stock.set_safety_stock(tx, [(sku, code, units) for (sku, code), units in sorted(wanted.items())])
    if touched != len(wanted):
        raise NoStockRowError("safety stock needs stock: some of these SKUs never lay at their location")
    await request_snapshots(tx, wanted)
    await reservations.mark_for_refill(tx, {sku for sku, _ in wanted})
    change = [line.model_dump() for line in body.lines]
    await audit(tx, actor=actor, act="set_safety_stock", subject="stock", reason=body.reason, change=(None, change))
    return Changed(lines=await _show(tx, wanted), displaced=0)


async def _show(tx: Transaction, keys: Collection[stock.Key]) -> list[StockAnswer]:
    return [StockAnswer.model_validate(row) for row in await stock.get_stock(tx, keys)]


def _refuse_repeated(lines: Sequence[CountLine | SafetyLine]) -> None:
    """Name every line that sets what an earlier one has set: which of them is meant, nobody can tell."""
    seen: set[stock.Key] = set()
    repeated: list[FieldError] = []
    for number, line in enumerate(lines):
        if (line.sku, line.location) in seen:
            detail = f"{line.sku} at {line.location} occurs more than once"
            repeated.append(FieldError(f"/lines/{number}/sku", "repeated", detail))
        seen.add((line.sku, line.location))
    if repeated:
        raise InvalidError("some lines repeat a SKU at its location: send each once", errors=tuple(repeated))


async def _refuse_unknown(tx: Transaction, lines: Sequence[Placed]) -> None:
    """Name every line whose SKU or location does not exist."""
    pairs = [(line.sku, line.location) for line in lines]
    no_skus = await skus.unknown_skus(tx, {sku for sku, _ in pairs})
    no_places = await locations.unknown_locations(tx, {location for _, location in pairs})
    bad_skus = tuple(
        FieldError(f"/lines/{n}/sku", "unknown_sku", f"no SKU {sku}")
        for n, (sku, _) in enumerate(pairs)
        if sku in no_skus
    )
    bad_places = tuple(
        FieldError(f"/lines/{n}/location", "unknown_location", f"no location {location}")
        for n, (_, location) in enumerate(pairs)
        if location in no_places
    )
    if bad_skus:
        raise UnknownSkuError("some SKUs do not exist: save them first", errors=bad_skus + bad_places)
    if bad_places:
        raise UnknownLocationError("some locations do not exist: save them first", errors=bad_places)


async def _refuse_unknown_skus(tx: Transaction, codes: Sequence[str]) -> None:
    unknown = await skus.unknown_skus(tx, codes)
    if unknown:
        errors = tuple(
            FieldError(f"/lines/{number}/sku", "unknown_sku", f"no SKU {code}")
            for number, code in enumerate(codes)
            if code in unknown
        )
        raise UnknownSkuError("some SKUs do not exist: save them first", errors=errors)


async def _refuse_unknown_places(tx: Transaction, places: dict[str, str]) -> None:
    unknown = await locations.unknown_locations(tx, places.values())
    if unknown:
        errors = tuple(
            FieldError(pointer, "unknown_location", f"no location {code}")
            for pointer, code in places.items()
            if code in unknown
        )
        raise UnknownLocationError("some locations do not exist: save them first", errors=errors)

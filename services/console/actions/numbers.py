"""Orders by the numbers people call them, where a service knows them by their ids."""

import asyncio
from collections.abc import Iterable, Mapping
from uuid import UUID

from services.console.errors import ServiceAwayError
from services.console.neighbours import Caller
from services.console.schemas import OrderNumbers

_AT_ONCE = 100


async def numbers_of(caller: Caller, order_ids: Iterable[UUID | None]) -> Mapping[UUID, str]:
    """Ask orders for the numbers of orders; nothing while it is away: then pages show the ids."""
    wanted = sorted({order_id for order_id in order_ids if order_id is not None})
    parts = [wanted[first : first + _AT_ONCE] for first in range(0, len(wanted), _AT_ONCE)]
    try:
        found = await asyncio.gather(*(_ask(caller, part) for part in parts))
    except ServiceAwayError:
        return {}
    return {one.order_id: one.number for answer in found for one in answer.data}


async def _ask(caller: Caller, order_ids: list[UUID]) -> OrderNumbers:
    return await caller.get("orders", "/internal/order-numbers", OrderNumbers, order_id=tuple(map(str, order_ids)))

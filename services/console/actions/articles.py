"""Articles by what a scanner reads, and by their codes."""

import asyncio
from collections.abc import Iterable

from services.console.actions.scans import plain_code
from services.console.neighbours import Caller
from services.console.schemas.stock import Sku, Skus

_MOST_AT_ONCE = 60


async def find_scanned(caller: Caller, read: str) -> Sku | None:
    """Find the article that a scan stands for."""
    code = plain_code(read)
    if not code:
        return None
    return next(iter((await caller.get("inventory", "/staff/skus", Skus, barcode=code)).data), None)


async def read_articles(caller: Caller, codes: Iterable[str]) -> dict[str, Sku]:
    """Read articles by code, the first few dozen of them; unknown ones are absent."""
    wanted = list(dict.fromkeys(codes))[:_MOST_AT_ONCE]
    pages = await asyncio.gather(*(caller.get("inventory", "/staff/skus", Skus, code=code) for code in wanted))
    return {sku.code: sku for page in pages for sku in page.data}

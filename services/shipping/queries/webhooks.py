"""The registration of our address at the carrier."""

from datetime import datetime

from shared import clock
from shared.db import Transaction


async def renew(tx: Transaction, url: str) -> None:
    """Make the registration of an address due; addresses of earlier are forgotten."""
    await tx.execute("delete from webhook_registration where url <> $1", url)
    await tx.execute(
        "insert into webhook_registration (url, not_before) values ($1, $2) "
        "on conflict (url) do update set registered_at = null, not_before = excluded.not_before",
        url,
        clock.real(),
    )


async def claim(tx: Transaction, lease: datetime) -> list[str]:
    """Claim addresses that are not registered yet."""
    rows = await tx.fetch(
        "update webhook_registration set not_before = $2 where registered_at is null and not_before <= $1 "
        "returning url",
        clock.real(),
        lease,
    )
    tx.wrote = tx.wrote or bool(rows)
    return [row["url"] for row in rows]


async def settle(tx: Transaction, url: str, *, registered: bool, not_before: datetime) -> None:
    """Note the outcome."""
    await tx.execute(
        "update webhook_registration set registered_at = $2, not_before = $3 where url = $1",
        url,
        clock.real() if registered else None,
        not_before,
    )

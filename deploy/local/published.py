"""What services have published, read from their databases with the read-only role."""

from datetime import datetime

import asyncpg

from deploy.local.site import Site

_SINCE = "SELECT EXISTS (SELECT FROM event_log WHERE published_at >= $1)"


async def has_published_since(site: Site, service: str, moment: datetime) -> bool:
    """Say whether a service has published anything since a real time; True where that cannot be told."""
    connection = await asyncpg.connect(site.dsn(service, "readonly"), timeout=10)
    try:
        return bool(await connection.fetchval(_SINCE, moment))
    except (asyncpg.UndefinedTableError, asyncpg.QueryCanceledError):
        return True
    finally:
        await connection.close()

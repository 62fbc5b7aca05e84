"""The carriers this installation ships with, by the name of their adapter."""

from functools import lru_cache

from services.shipping.carriers.base import Carrier
from services.shipping.carriers.easypost import EasyPost
from services.shipping.settings import settings

ADAPTER = "easypost"
"""The adapter by which labels are bought."""


@lru_cache(maxsize=8)
def carrier(name: str = ADAPTER) -> Carrier:
    """Give the adapter of that name; raises KeyError for a name nobody implements."""
    configured = settings()
    adapters = {
        ADAPTER: lambda: EasyPost(
            configured.carrier_url,
            configured.carrier_api_key.get_secret_value(),
            configured.carrier_webhook_secret.get_secret_value(),
            timeout_seconds=configured.carrier_timeout_seconds,
        ),
    }
    return adapters[name]()


async def close() -> None:
    """Close the connections, and read the settings anew the next time."""
    if carrier.cache_info().currsize:
        await carrier().close()
    carrier.cache_clear()

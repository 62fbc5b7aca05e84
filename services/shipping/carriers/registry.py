"""The carriers this installation ships with, by the name of their adapter."""

from collections.abc import Callable

from services.shipping.carriers.base import Carrier
from services.shipping.carriers.easypost import EasyPost
from services.shipping.settings import settings

ADAPTER = "easypost"
"""The adapter by which labels are bought."""

_opened: dict[str, Carrier] = {}


def carrier(name: str = ADAPTER) -> Carrier:
    """Give the one adapter of that name, with its connections and its breaker.

    Raises KeyError for a name nobody implements.
    """
    if name not in _opened:
        _opened[name] = _ADAPTERS[name]()
    return _opened[name]


async def close() -> None:
    """Close the connections, and read the settings anew the next time."""
    while _opened:
        _, adapter = _opened.popitem()
        await adapter.close()


def _easypost() -> Carrier:
    configured = settings()
    return EasyPost(
        configured.carrier_url,
        configured.carrier_api_key.get_secret_value(),
        configured.carrier_webhook_secret.get_secret_value(),
        timeout_seconds=configured.carrier_timeout_seconds,
    )


_ADAPTERS: dict[str, Callable[[], Carrier]] = {ADAPTER: _easypost}

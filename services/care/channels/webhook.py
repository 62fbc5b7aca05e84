"""News to a storefront that tells its customers itself, signed as Standard Webhooks say."""

from datetime import datetime
from functools import lru_cache

import orjson
from standardwebhooks.webhooks import Webhook

from services.care.channels.wording import Words
from shared import clock
from shared.http import HttpClient

_TYPE = "customer.message"


@lru_cache(maxsize=256)
def _client(url: str) -> HttpClient:
    return HttpClient("storefront", url)


def payload_of(news: dict[str, object], words: Words, key: str) -> bytes:
    """Make the body: what happened as facts, and our words as a proposal."""
    body = {"id": key, "type": _TYPE, "data": {**news, "subject": words.subject, "body": words.body}}
    return orjson.dumps(body, default=str, option=orjson.OPT_SORT_KEYS)


async def send(url: str, secret: str, payload: bytes, key: str, *, at: datetime | None = None) -> None:
    """Deliver once; the message's key lets the storefront drop a second delivery; raises what shared.http raises."""
    signed_at = at or clock.real()
    headers = {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, signed_at, payload.decode()),
    }
    await _client(url).request("POST", "", content=payload, headers=headers)

"""The EasyPost v2 HTTP API: which calls are made, and what a failed one means for what we asked."""

import base64
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from services.shipping.carriers import easypost_messages as messages
from services.shipping.carriers.base import (
    AnswerLostError,
    AnswerNotUnderstoodError,
    CarrierRejectedError,
    CarrierShipment,
    CarrierUnavailableError,
    CredentialsRefusedError,
    Label,
    LabelFormat,
    RateLimitedError,
    RefundStatus,
    ShipmentRequest,
    Tracking,
    WebhookMessage,
)
from shared.http import (
    Answer,
    HttpAnswerLostError,
    HttpClient,
    HttpStatusError,
    HttpUnavailableError,
)

_TOO_MANY = 429
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_READ_ATTEMPTS = 3
_PAGE_SIZE = 100
_MAX_PAGES = 20
_MAX_PAGES_OF_ALL = 200
_DEFAULT_WAIT_SECONDS = 5.0


class _ListTooLongError(Exception):
    """A list goes on beyond the pages that anybody reads."""


class EasyPost:
    """Speaks to EasyPost; reads are repeated a few times, writes never: the caller asks first."""

    name = "easypost"

    def __init__(self, url: str, api_key: str, webhook_secret: str, *, timeout_seconds: float) -> None:
        credentials = base64.b64encode(f"{api_key}:".encode()).decode()
        self._api = HttpClient(
            "easypost", url, headers={"authorization": f"Basic {credentials}"}, timeout_seconds=timeout_seconds
        )
        # Labels lie on a file host of their own, which must not see our key.
        self._files = HttpClient("easypost label files", "", timeout_seconds=timeout_seconds)
        self._webhook_secret = webhook_secret

    async def create_shipment(self, request: ShipmentRequest) -> CarrierShipment:
        """Ask for rates; nothing is paid for yet."""
        answer = await self._write("/v2/shipments", messages.create_message(request))
        return messages.parse_shipment(answer.content)

    async def buy(self, carrier_shipment_id: str, rate_id: str) -> CarrierShipment:
        """Buy the label of a created shipment; raises AlreadyBoughtError the second time."""
        answer = await self._write(f"/v2/shipments/{carrier_shipment_id}/buy", messages.buy_message(rate_id))
        return messages.parse_shipment(answer.content)

    async def find_by_id(self, carrier_shipment_id: str) -> CarrierShipment:
        """Ask for a created shipment; raises NotFoundAtCarrierError."""
        answer = await self._read(f"/v2/shipments/{carrier_shipment_id}")
        return messages.parse_shipment(answer.content)

    async def find_by_reference(self, reference: str, created_after: datetime) -> CarrierShipment | None:
        """Look through the list, which cannot be searched by reference, newest first and back to a moment."""
        try:
            async for shipment in self._newest(created_after, _MAX_PAGES):
                if shipment.reference == reference:
                    return shipment
        except _ListTooLongError as error:
            raise AnswerLostError(f"{reference} is not among {error}") from error
        return None

    async def list_sold(self, created_after: datetime) -> list[CarrierShipment]:
        """Read the list back to a moment; raises AnswerNotUnderstoodError when that is further than anybody looks."""
        try:
            return [one async for one in self._newest(created_after, _MAX_PAGES_OF_ALL) if one.is_bought]
        except _ListTooLongError as error:
            raise AnswerNotUnderstoodError(f"the moment lies before {error}") from error

    async def _newest(self, created_after: datetime, max_pages: int) -> AsyncIterator[CarrierShipment]:
        params = {
            "page_size": str(_PAGE_SIZE),
            "purchased": "false",  # also those that were not
            "start_datetime": created_after.isoformat(),
        }
        for _ in range(max_pages):
            answer = await self._read("/v2/shipments", params)
            page, has_more = messages.parse_shipment_page(answer.content)
            for shipment in page:
                yield shipment
            if not has_more or not page:
                return
            params["before_id"] = page[-1].id
        raise _ListTooLongError(f"the newest {_PAGE_SIZE * max_pages} shipments")

    async def void(self, carrier_shipment_id: str) -> RefundStatus:
        """Ask for a refund; it is settled later, which `find_by_id` tells."""
        answer = await self._write(f"/v2/shipments/{carrier_shipment_id}/refund", {})
        return messages.parse_shipment(answer.content).refund

    async def fetch_label(self, label: Label) -> bytes:
        """Fetch what the bench prints."""
        try:
            answer = await self._files.get(label.url, attempts=_READ_ATTEMPTS)
        except (HttpUnavailableError, HttpAnswerLostError, HttpStatusError) as error:
            raise CarrierUnavailableError(f"the label file cannot be fetched: {error}") from error
        return answer.content

    async def convert_label(self, carrier_shipment_id: str, label_format: LabelFormat) -> Label | None:
        """Ask for a bought label in another format; None when EasyPost refuses or its answer has none."""
        params = messages.conversion_params(label_format)
        try:
            answer = await self._read(f"/v2/shipments/{carrier_shipment_id}/label", params)
        except CredentialsRefusedError:
            raise
        except CarrierRejectedError:
            return None
        return messages.parse_conversion(answer.content, label_format)

    async def fetch_tracking(self, tracker_id: str) -> Tracking:
        """Ask where a parcel is."""
        answer = await self._read(f"/v2/trackers/{tracker_id}")
        return messages.parse_tracker(answer.content)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookMessage:
        """Check the signature over the raw body, then read it."""
        return messages.parse_webhook(body, headers, self._webhook_secret)

    async def ensure_webhook(self, url: str) -> None:
        """Have messages sent to `url`, signed with our secret: told anew, as EasyPost does not show its own."""
        answer = await self._read("/v2/webhooks")
        known = messages.find_webhook(answer.content, url)
        if known is None:
            await self._write("/v2/webhooks", messages.webhook_message(url, self._webhook_secret))
        else:
            body = messages.webhook_secret_message(self._webhook_secret)
            await self._write(f"/v2/webhooks/{known}", body, method="PATCH")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._files.close()

    async def _read(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        try:
            return await self._api.get(path, params=params, attempts=_READ_ATTEMPTS)
        except (HttpUnavailableError, HttpAnswerLostError) as error:
            raise CarrierUnavailableError(str(error)) from error
        except HttpStatusError as error:
            if error.status >= _SERVER_ERROR:
                raise CarrierUnavailableError(f"EasyPost answered {error.status}") from error
            raise _refusal(error) from error

    async def _write(self, path: str, body: Mapping[str, object], *, method: str = "POST") -> Answer:
        try:
            return await self._api.request(method, path, json=body)
        except HttpUnavailableError as error:
            raise CarrierUnavailableError(str(error)) from error
        except HttpAnswerLostError as error:
            raise AnswerLostError(str(error)) from error
        except HttpStatusError as error:
            # A server error says nothing about what was done before it.
            if error.status >= _SERVER_ERROR and error.status != _UNAVAILABLE:
                raise AnswerLostError(f"EasyPost answered {error.status}") from error
            raise _refusal(error) from error


def _refusal(error: HttpStatusError) -> Exception:
    if error.status == _TOO_MANY:
        wait = error.retry_after_seconds
        return RateLimitedError(wait if wait is not None else _DEFAULT_WAIT_SECONDS)
    if error.status == _UNAVAILABLE:
        return CarrierUnavailableError("EasyPost is not available")
    return messages.parse_error(error.status, error.body)

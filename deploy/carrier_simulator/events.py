"""News for registered receivers: events are recorded, and owed to every webhook until it took them."""

from collections.abc import Collection
from datetime import datetime
from typing import cast

import orjson

from deploy.carrier_simulator.errors import NotFoundError, ParameterMissingError
from deploy.carrier_simulator.faults import Faults
from deploy.carrier_simulator.paging import page_of
from deploy.carrier_simulator.schemas import FaultKind, Page, WebhookIn
from deploy.carrier_simulator.settings import Settings
from deploy.carrier_simulator.store import Store, to_micros
from deploy.carrier_simulator.wire import Event, Header, Refund, Tracker, Webhook, event_stamp, new_id, stamp

_LISTED = ("description", "id", "user_id", "status", "created_at", "mode", "object")
_USER = "user_51a0e57ca44e4f6f9d1c0c5e1a0d0002"


class Events:
    """Records events and registers receivers."""

    def __init__(self, store: Store, faults: Faults, settings: Settings) -> None:
        self._store = store
        self._faults = faults
        self._delivered = settings.webhook_events

    def publish(
        self,
        description: str,
        result: Tracker | Refund,
        moment: datetime,
        *,
        previous: dict[str, str | None] | None = None,
        references: Collection[str] = (),
        last: bool = True,
    ) -> None:
        """Record an event of that moment and owe it to the receivers; `last` if no more will follow of its kind."""
        event: Event = {
            "id": new_id("evt"),
            "object": "Event",
            "description": description,
            "mode": "test",
            "previous_attributes": previous or {},
            "result": result,
            "created_at": event_stamp(moment),
            "updated_at": event_stamp(moment),
            "pending_urls": [],
            "completed_urls": [],
            "status": "pending",
            "user_id": _USER,
        }
        with self._store.transaction() as connection:
            connection.execute(
                "insert into event (id, description, created_at, document) values (?, ?, ?, ?)",
                (event["id"], description, to_micros(moment), orjson.dumps(event)),
            )
            if description in self._delivered:
                self._owe(event["id"], result["tracking_code"], references, last=last)

    def _owe(self, event_id: str, tracking_code: str, references: Collection[str], *, last: bool) -> None:
        webhooks = self._store.all("select id, url from webhook order by sequence")
        if not webhooks or self._faults.take(FaultKind.no_webhooks, references) is not None:
            return
        duplicate = self._faults.take(FaultKind.duplicate_webhooks, references) is not None
        forged = self._faults.take(FaultKind.forged_webhooks, references) is not None
        for webhook in webhooks:
            lane = f"{webhook['id']} {tracking_code}"
            waiting = self._store.number("select count(*) from delivery where lane = ? and held = 1", lane)
            # Held back until the next one of this parcel overtakes it: shuffled also when time is stepped.
            held = not waiting and not last and self._faults.take(FaultKind.shuffled_webhooks, references) is not None
            self._store.connection.execute(
                "insert into delivery (event_id, webhook_id, url, lane, held, duplicate, forged)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (event_id, webhook["id"], webhook["url"], lane, held, duplicate, forged),
            )
            if waiting:
                self._release(lane)

    def _release(self, lane: str) -> None:
        """Owe again, behind its successor, what was held back."""
        self._store.connection.execute(
            "insert into delivery (event_id, webhook_id, url, lane, duplicate, forged)"
            " select event_id, webhook_id, url, lane, duplicate, forged from delivery where lane = ? and held = 1",
            (lane,),
        )
        self._store.connection.execute("delete from delivery where lane = ? and held = 1", (lane,))

    def page(self, page: Page) -> dict[str, object]:
        """List events, newest first, as short as the API lists them."""
        rows, more = page_of(self._store, "event", page)
        events = [self._read(row["document"]) for row in rows]
        return {
            "events": [{key: value for key, value in event.items() if key in _LISTED} for event in events],
            "has_more": more,
        }

    def get(self, event_id: str) -> Event:
        """Give one event with who still waits for it; raises NotFoundError."""
        row = self._store.one("select document from event where id = ?", event_id)
        if row is None:
            raise NotFoundError
        return self._read(row["document"])

    def _read(self, document: bytes) -> Event:
        event = cast("Event", orjson.loads(document))
        rows = self._store.all("select url, done from delivery where event_id = ? order by ordinal", event["id"])
        event["pending_urls"] = [row["url"] for row in rows if not row["done"]]
        event["completed_urls"] = [row["url"] for row in rows if row["done"]]
        event["status"] = "pending" if event["pending_urls"] else "completed"
        return event


class Webhooks:
    """The registered receivers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, given: WebhookIn, moment: datetime) -> Webhook:
        """Register a receiver; the same URL again keeps its id and takes the new secret."""
        if not given.url:
            raise ParameterMissingError([{"field": "url", "message": "cannot be blank"}])
        known = self._store.one("select id from webhook where url = ?", given.url)
        if known is not None:
            return self.change(known["id"], given)
        webhook: Webhook = {
            "id": new_id("hook"),
            "object": "Webhook",
            "mode": "test",
            "url": given.url,
            "created_at": stamp(moment),
            "disabled_at": None,
            "custom_headers": _headers(given),
        }
        with self._store.transaction() as connection:
            connection.execute(
                "insert into webhook (id, url, secret, document) values (?, ?, ?, ?)",
                (webhook["id"], given.url, given.webhook_secret, orjson.dumps(webhook)),
            )
        return webhook

    def get(self, webhook_id: str) -> Webhook:
        """Give one receiver; raises NotFoundError."""
        row = self._store.one("select document from webhook where id = ?", webhook_id)
        if row is None:
            raise NotFoundError
        return cast("Webhook", orjson.loads(row["document"]))

    def every(self) -> list[Webhook]:
        """List the receivers."""
        rows = self._store.all("select document from webhook order by sequence desc")
        return [cast("Webhook", orjson.loads(row["document"])) for row in rows]

    def change(self, webhook_id: str, given: WebhookIn) -> Webhook:
        """Change where or how a receiver is told; raises NotFoundError."""
        webhook = self.get(webhook_id)
        webhook["url"] = given.url or webhook["url"]
        if given.custom_headers is not None:
            webhook["custom_headers"] = _headers(given)
        with self._store.transaction() as connection:
            connection.execute(
                "update webhook set url = ?, secret = coalesce(?, secret), document = ? where id = ?",
                (webhook["url"], given.webhook_secret, orjson.dumps(webhook), webhook_id),
            )
            connection.execute(
                "update delivery set url = ? where webhook_id = ? and done = 0", (webhook["url"], webhook_id)
            )
        return webhook

    def remove(self, webhook_id: str) -> None:
        """Forget a receiver and what it is still owed; raises NotFoundError."""
        self.get(webhook_id)
        with self._store.transaction() as connection:
            connection.execute("delete from delivery where webhook_id = ? and done = 0", (webhook_id,))
            connection.execute("delete from webhook where id = ?", (webhook_id,))


def _headers(given: WebhookIn) -> list[Header]:
    return [{"name": header.name, "value": header.value} for header in given.custom_headers or []]

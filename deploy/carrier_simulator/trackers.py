"""Trackers: what is known of a parcel on its way, and the scans that are still to come."""

import base64
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict, cast

import orjson

from deploy.carrier_simulator import journeys
from deploy.carrier_simulator.errors import NotFoundError, ParameterInvalidError, ParameterMissingError
from deploy.carrier_simulator.events import Events
from deploy.carrier_simulator.journeys import Journey, Passage, Scan
from deploy.carrier_simulator.paging import page_of
from deploy.carrier_simulator.rating import CARRIER
from deploy.carrier_simulator.schemas import HandOver, Page, Script, TrackerIn
from deploy.carrier_simulator.settings import JourneyRates
from deploy.carrier_simulator.store import Store, from_micros, to_micros
from deploy.carrier_simulator.wire import CarrierDetail, Tracker, TrackingDetail, TrackingLocation, new_id, stamp

_SCANS_PER_TRANSACTION = 200
_OURS = "select tracking_code, handed_over_at from tracker where tracking_code = ? and plan is not null"
_DUE = """
select sequence, tracking_code, due_at, scan from scan
where done = 0 and due_at <= ? order by due_at, tracking_code, sequence limit ?
"""


class _Written(TypedDict):
    detail: TrackingDetail
    signed_by: str | None
    est_delivery_date: str | None


class Trackers:
    """Every tracker, and the journeys that fill them."""

    def __init__(self, store: Store, events: Events, seed: str, rates: JourneyRates) -> None:
        self._store = store
        self._events = events
        self._seed = seed
        self._rates = rates

    def open(
        self, tracking_code: str, shipment_id: str, reference: str | None, passage: Passage, moment: datetime
    ) -> Tracker:
        """Start tracking a parcel that was just bought: nothing is known of it yet."""
        tracker = _blank(tracking_code, CARRIER, shipment_id, moment)
        script = self._script_for(tracking_code, passage["custom_1"], passage["custom_2"])
        journey = Journey.scripted if script else journeys.choose(self._seed, passage, self._rates)
        with self._store.transaction() as connection:
            connection.execute(
                "insert into tracker (id, tracking_code, shipment_id, custom_1, custom_2, reference, journey, plan,"
                " status, created_at, document) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    tracker["id"],
                    tracking_code,
                    shipment_id,
                    passage["custom_1"],
                    passage["custom_2"],
                    reference,
                    journey,
                    orjson.dumps(passage),
                    tracker["status"],
                    to_micros(moment),
                    orjson.dumps(tracker),
                ),
            )
            self._events.publish("tracker.created", tracker, moment)
        return tracker

    def watch(self, given: TrackerIn, moment: datetime) -> Tracker:
        """Track any code: one of ours, one of the API's test codes, or one nobody knows anything about."""
        if not given.tracking_code:
            raise ParameterMissingError([{"field": "tracking_code", "message": "cannot be blank"}])
        row = self._store.one("select document from tracker where tracking_code = ?", given.tracking_code)
        if row is None:
            tracker = _foreign(given.tracking_code, given.carrier or "USPS", moment)
            with self._store.transaction() as connection:
                connection.execute(
                    "insert into tracker (id, tracking_code, status, created_at, document) values (?, ?, ?, ?, ?)",
                    (tracker["id"], given.tracking_code, tracker["status"], to_micros(moment), orjson.dumps(tracker)),
                )
                self._events.publish("tracker.created", tracker, moment)
        else:
            tracker = cast("Tracker", orjson.loads(row["document"]))
        created: Tracker = {**tracker, "finalized": True, "is_return": False}
        # The recorded answer to a creation has no fees.
        del created["fees"]
        return created

    def get(self, key: str, column: Literal["id", "tracking_code"] = "id") -> Tracker:
        """Give one tracker; raises NotFoundError."""
        row = self._store.one(f"select document from tracker where {column} = ?", key)
        if row is None:
            raise NotFoundError
        return cast("Tracker", orjson.loads(row["document"]))

    def page(self, page: Page, tracking_codes: Sequence[str], carrier: str | None) -> dict[str, object]:
        """List trackers, newest first."""
        conditions, values = ["true"], list(tracking_codes)
        if tracking_codes:
            conditions.append(f"tracking_code in ({', '.join('?' * len(tracking_codes))})")
        if carrier is not None:
            conditions.append("document ->> '$.carrier' = ?")
            values.append(carrier)
        rows, more = page_of(self._store, "tracker", page, " and ".join(conditions), *values)
        return {"trackers": [orjson.loads(row["document"]) for row in rows], "has_more": more}

    def scanned(self, tracking_code: str) -> bool:
        """Say whether the carrier has had the parcel in its hands."""
        tracker = self.get(tracking_code, "tracking_code")
        return any(detail["status"] != "pre_transit" for detail in tracker["tracking_details"])

    def hand_over(self, given: HandOver, moment: datetime) -> dict[str, object]:
        """Start the journeys of parcels that were physically given to the carrier; raises ParameterInvalidError."""
        codes = list(dict.fromkeys(given.tracking_codes))
        unknown = [code for code in codes if self._store.one(_OURS, code) is None]
        if unknown:
            raise ParameterInvalidError(
                [{"field": "tracking_codes", "message": f"{code} is not a parcel of ours"} for code in unknown],
                message=f"Unknown tracking codes: {', '.join(unknown)}",
            )
        at = given.at or moment
        started = []
        with self._store.transaction() as connection:
            for code in codes:
                taken = connection.execute(
                    "update tracker set handed_over_at = ? where tracking_code = ? and handed_over_at is null",
                    (to_micros(at), code),
                )
                if taken.rowcount:
                    started.append(code)
                    self._set_out(code, at)
        return {"handed_over": started, "already": [code for code in codes if code not in started], "at": stamp(at)}

    def _set_out(self, tracking_code: str, at: datetime) -> None:
        row = self._store.one("select journey, plan from tracker where tracking_code = ?", tracking_code)
        if row is None:
            raise NotFoundError
        passage = cast("Passage", orjson.loads(row["plan"]))
        script = self._script_for(tracking_code, passage["custom_1"], passage["custom_2"])
        if script is None:
            scans = journeys.plan(self._seed, Journey(row["journey"]), passage, at)
        else:
            scans = journeys.follow(script, at)
        self._await_scans(tracking_code, scans)

    def _await_scans(self, tracking_code: str, scans: list[Scan]) -> None:
        self._store.connection.executemany(
            "insert into scan (tracking_code, due_at, scan) values (?, ?, ?)",
            [(tracking_code, to_micros(scan.due_at), orjson.dumps(journeys.write(scan))) for scan in scans],
        )

    def script(self, scripts: Sequence[Script]) -> int:
        """Take journeys told by the caller; what has been scanned already stays. Says how many parcels they concern."""
        concerned = 0
        with self._store.transaction() as connection:
            for script in scripts:
                match = script.match
                connection.execute(
                    "insert into journey (tracking_code, custom_1, custom_2, script) values (?, ?, ?, ?)",
                    (
                        script.tracking_code,
                        match and match.print_custom_1,
                        match and match.print_custom_2,
                        script.model_dump_json(),
                    ),
                )
                for row in self._concerned(script):
                    self._follow_now(row["tracking_code"], row["handed_over_at"])
                    concerned += 1
        return concerned

    def _concerned(self, script: Script) -> list[sqlite3.Row]:
        if script.match is None:
            return self._store.all(_OURS, script.tracking_code)
        return self._store.all(
            "select tracking_code, handed_over_at from tracker"
            " where custom_1 = ? and custom_2 = coalesce(?, custom_2) and plan is not null",
            script.match.print_custom_1,
            script.match.print_custom_2,
        )

    def _follow_now(self, tracking_code: str, handed_over_at: int | None) -> None:
        connection = self._store.connection
        connection.execute("update tracker set journey = 'scripted' where tracking_code = ?", (tracking_code,))
        if handed_over_at is not None:
            connection.execute("delete from scan where tracking_code = ? and done = 0", (tracking_code,))
            self._set_out(tracking_code, from_micros(handed_over_at))

    def _script_for(self, tracking_code: str, custom_1: str, custom_2: str) -> Script | None:
        """Find the script of a parcel: its own before one for its label, the latest of each."""
        row = self._store.one(
            "select script from journey where tracking_code = ?1"
            " or (custom_1 = ?2 and coalesce(custom_2, ?3) = ?3)"
            " order by tracking_code is null, custom_2 is null, sequence desc limit 1",
            tracking_code,
            custom_1,
            custom_2,
        )
        return None if row is None else Script.model_validate_json(row["script"])

    def apply_due(self, now: datetime) -> int:
        """Make known the scans that are due, in order; says how many it did, at most one transaction's worth."""
        rows = self._store.all(_DUE, to_micros(now), _SCANS_PER_TRANSACTION)
        if rows:
            with self._store.transaction() as connection:
                for row in rows:
                    connection.execute("update scan set done = 1 where sequence = ?", (row["sequence"],))
                    written = cast("_Written", orjson.loads(row["scan"]))
                    self._apply(row["tracking_code"], written, from_micros(row["due_at"]))
        return len(rows)

    def _apply(self, tracking_code: str, written: _Written, moment: datetime) -> None:
        row = self._store.one("select * from tracker where tracking_code = ?", tracking_code)
        if row is None:
            raise NotFoundError
        tracker = cast("Tracker", orjson.loads(row["document"]))
        previous: dict[str, str | None] = {"status": tracker["status"], "status_detail": tracker["status_detail"]}
        details = sorted([*tracker["tracking_details"], written["detail"]], key=lambda detail: detail["datetime"])
        tracker["tracking_details"] = details
        tracker["status"], tracker["status_detail"] = details[-1]["status"], details[-1]["status_detail"]
        tracker["updated_at"] = stamp(moment)
        tracker["signed_by"] = written["signed_by"] or tracker["signed_by"]
        tracker["est_delivery_date"] = written["est_delivery_date"] or tracker["est_delivery_date"]
        tracker["carrier_detail"] = tracker["carrier_detail"] or _carrier_detail(orjson.loads(row["plan"]))
        self._store.connection.execute(
            "update tracker set status = ?, document = ? where tracking_code = ?",
            (tracker["status"], orjson.dumps(tracker), tracking_code),
        )
        more = self._store.one("select 1 from scan where tracking_code = ? and done = 0 limit 1", tracking_code)
        references = {text for text in (row["custom_1"], row["reference"]) if text}
        self._events.publish(
            "tracker.updated", tracker, moment, previous=previous, references=references, last=more is None
        )


def _blank(tracking_code: str, carrier: str, shipment_id: str | None, moment: datetime) -> Tracker:
    tracker_id = new_id("trk")
    return {
        "id": tracker_id,
        "object": "Tracker",
        "mode": "test",
        "tracking_code": tracking_code,
        "status": "unknown",
        "status_detail": "unknown",
        "created_at": stamp(moment),
        "updated_at": stamp(moment),
        "signed_by": None,
        "weight": None,
        "est_delivery_date": None,
        "shipment_id": shipment_id,
        "carrier": carrier,
        "tracking_details": [],
        "fees": [],
        "carrier_detail": None,
        "public_url": "https://track.easypost.com/" + base64.urlsafe_b64encode(f"v1:{tracker_id}".encode()).decode(),
    }


def _carrier_detail(passage: Passage) -> CarrierDetail:
    return {
        "object": "CarrierDetail",
        "service": passage["service"],
        "container_type": None,
        "est_delivery_date_local": None,
        "est_delivery_time_local": None,
        "origin_location": _line(passage["origin"]),
        "origin_tracking_location": passage["origin"],
        "destination_location": _line(passage["destination"]),
        "destination_tracking_location": None,
        "guaranteed_delivery_date": None,
        "alternate_identifier": None,
        "initial_delivery_attempt": None,
    }


def _line(place: TrackingLocation) -> str:
    return f"{place['city'] or ''} {place['state'] or ''}".strip() + f", {place['zip'] or ''}"


_TEST_CODES = {
    "EZ1000000001": ("pre_transit", "status_update"),
    "EZ2000000002": ("in_transit", "arrived_at_facility"),
    "EZ3000000003": ("out_for_delivery", "out_for_delivery"),
    "EZ4000000004": ("delivered", "arrived_at_destination"),
    "EZ5000000005": ("return_to_sender", "return"),
    "EZ6000000006": ("failure", "unknown"),
}


def _foreign(tracking_code: str, carrier: str, moment: datetime) -> Tracker:
    tracker = _blank(tracking_code, carrier, None, moment)
    if tracking_code not in _TEST_CODES:
        return tracker
    houston: TrackingLocation = journeys.location("HOUSTON", "TX", None, "77063")
    status, detail = _TEST_CODES[tracking_code]
    message = f"Pre-Shipment Info Sent to {carrier}"
    first = Scan(moment, moment, "pre_transit", "status_update", message, journeys.location())
    second = Scan(moment, moment, status, detail, status.replace("_", " ").capitalize(), houston)
    written = [cast("_Written", journeys.write(scan)) for scan in (first, second)]
    passage: Passage = {
        "custom_1": "",
        "custom_2": "",
        "service": "Ground",
        "delivery_days": 3,
        "bought_at": "",
        "origin": houston,
        "destination": journeys.location("CHARLESTON", "SC", None, "29401"),
        "recipient": "",
    }
    tracker["status"], tracker["status_detail"] = status, detail
    tracker["est_delivery_date"] = stamp(moment)
    tracker["tracking_details"] = [each["detail"] for each in written]
    tracker["carrier_detail"] = _carrier_detail(passage)
    return tracker

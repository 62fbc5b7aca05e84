"""How parcels travel: a list of scans with times, scripted by a caller or drawn from the seed; no I/O."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TypedDict

from deploy.carrier_simulator.places import draw, local_zone
from deploy.carrier_simulator.schemas import Script, Step
from deploy.carrier_simulator.settings import JourneyRates
from deploy.carrier_simulator.wire import TrackingLocation, stamp

SYNTHETIC = "synthetic scan"


class Journey(StrEnum):
    """What becomes of a parcel."""

    on_time = "on_time"
    late = "late"
    stalled = "stalled"
    damaged = "damaged"
    lost = "lost"
    failed_attempt = "failed_attempt"
    returned = "returned"
    scripted = "scripted"


class Passage(TypedDict):
    """What a journey depends on: nothing that differs between two runs with the same orders."""

    custom_1: str
    custom_2: str
    service: str
    delivery_days: int
    bought_at: str
    origin: TrackingLocation
    destination: TrackingLocation
    recipient: str


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: when it becomes known, when it happened, and what it says."""

    due_at: datetime
    occurred_at: datetime
    status: str
    status_detail: str
    message: str
    place: TrackingLocation
    signed_by: str | None = None
    est_delivery_at: datetime | None = None


def choose(seed: str, passage: Passage, rates: JourneyRates) -> Journey:
    """Draw what becomes of a parcel."""
    mark = draw(seed, passage["custom_1"], passage["custom_2"], "journey")
    for journey, share in (
        (Journey.lost, rates.lost),
        (Journey.returned, rates.returned),
        (Journey.damaged, rates.damaged),
        (Journey.stalled, rates.stalled),
        (Journey.failed_attempt, rates.failed_attempt),
        (Journey.late, rates.late),
    ):
        if mark < share:
            return journey
        mark -= share
    return Journey.on_time


def plan(seed: str, journey: Journey, passage: Passage, handed_over_at: datetime) -> list[Scan]:
    """Lay out the scans of a drawn journey, earliest first."""
    road = _Road(seed, passage, handed_over_at.replace(microsecond=0))
    scans = [road.label(), road.picked_up(), *_PLANS[journey](road)]
    return sorted(scans, key=lambda scan: scan.due_at)


def follow(script: Script, handed_over_at: datetime) -> list[Scan]:
    """Lay out the scans of a scripted journey, with labelled synthetic ones between if it asks for them."""
    steps = [_scripted(step, script, handed_over_at) for step in script.steps]
    last = max(scan.due_at for scan in steps)
    if script.synthetic_scan_hours is not None:
        interval = timedelta(hours=script.synthetic_scan_hours)
        due = handed_over_at + interval
        while due < last:
            steps.append(Scan(due, due, "in_transit", "arrived_at_facility", SYNTHETIC, location()))
            due += interval
    return sorted(steps, key=lambda scan: (scan.due_at, scan.occurred_at))


def _scripted(step: Step, script: Script, handed_over_at: datetime) -> Scan:
    at = step.at if step.at is not None else handed_over_at + timedelta(hours=step.after_hours or 0)
    signed_by = script.signed_by if step.status == "delivered" else None
    place = location(step.city, step.state, step.country, step.zip)
    return Scan(max(at, handed_over_at), at, step.status, step.status_detail, step.message, place, signed_by)


def location(
    city: str | None = None, state: str | None = None, country: str | None = None, postcode: str | None = None
) -> TrackingLocation:
    """Write a place down as scans carry it."""
    return {"object": "TrackingLocation", "city": city, "state": state, "country": country, "zip": postcode}


def estimate(passage: Passage, handed_over_at: datetime, days: int) -> datetime:
    """Say when the carrier expects to deliver: the evening of the service's last day, at the destination."""
    zone = local_zone(passage["destination"]["country"], passage["destination"]["state"])
    day = handed_over_at.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time(20), zone)


@dataclass(frozen=True, slots=True)
class _Road:
    """The way of one parcel, with draws that belong to it alone."""

    seed: str
    passage: Passage
    start: datetime

    def chance(self, salt: str) -> float:
        return draw(self.seed, self.passage["custom_1"], self.passage["custom_2"], salt)

    def between(self, salt: str, low: int, high: int) -> int:
        return low + int(self.chance(salt) * (high - low + 1))

    @property
    def days(self) -> int:
        return max(1, self.passage["delivery_days"])

    def at_destination(self, day: int, hour: float) -> datetime:
        zone = local_zone(self.passage["destination"]["country"], self.passage["destination"]["state"])
        midnight = datetime.combine(self.start.astimezone(zone).date() + timedelta(days=day), time(0), zone)
        return midnight + timedelta(seconds=int(hour * 3600))

    def doorstep(self, day: int, salt: str = "door") -> datetime:
        return self.at_destination(day, 9 + 10 * self.chance(salt))

    def scan(self, at: datetime, status: str, detail: str, message: str, place: TrackingLocation) -> Scan:
        return Scan(at, at, status, detail, message, place)

    def label(self) -> Scan:
        bought = datetime.fromisoformat(self.passage["bought_at"])
        told = self.scan(self.start, "pre_transit", "label_created", "Shipping Label Created", self.passage["origin"])
        return replace(told, occurred_at=min(bought, self.start))

    def picked_up(self) -> Scan:
        at = self.start + timedelta(seconds=int(3600 * (1 + 2 * self.chance("pickup"))))
        taken = self.scan(at, "in_transit", "picked_up", "Picked up by SimPost", self.passage["origin"])
        return replace(taken, est_delivery_at=estimate(self.passage, self.start, self.days))

    def facilities(self, until: datetime, *, days: int, upto: float = 1.0) -> list[Scan]:
        """Scan the parcel about once a day on its way, up to that part of the way."""
        begin = self.picked_up().due_at
        count = max(2, days)
        scans = []
        for number in range(1, count + 1):
            part = (number + 0.4 * (self.chance(f"facility {number}") - 0.5)) / (count + 1)
            if part > upto:
                break
            at = begin + timedelta(seconds=int((until - begin).total_seconds() * part))
            scans.append(self._facility(at, number, count))
        return scans

    def _facility(self, at: datetime, number: int, count: int) -> Scan:
        if number == 1:
            return self.scan(at, "in_transit", "departed_facility", "Departed origin facility", self.passage["origin"])
        if number == count:
            arrived = "Arrived at destination facility"
            return self.scan(at, "in_transit", "arrived_at_facility", arrived, self.passage["destination"])
        hub = location("SIMPOST HUB", None, self.passage["destination"]["country"], None)
        return self.scan(at, "in_transit", "arrived_at_facility", "Arrived at regional hub", hub)

    def out(self, day: int, salt: str = "out") -> Scan:
        at = self.at_destination(day, 6 + 2.5 * self.chance(salt))
        place = self.passage["destination"]
        return self.scan(at, "out_for_delivery", "out_for_delivery", "Out for delivery", place)

    def delivered(self, day: int, salt: str = "door") -> Scan:
        at = self.doorstep(day, salt)
        message = "Delivered"
        done = self.scan(at, "delivered", "arrived_at_destination", message, self.passage["destination"])
        return replace(done, signed_by=self.passage["recipient"])

    def arrive(self, day: int) -> list[Scan]:
        """Travel without trouble and be delivered on that day."""
        out = self.out(day)
        return [*self.facilities(out.due_at, days=day), out, self.delivered(day)]

    def attempt(self, day: int, salt: str) -> Scan:
        at, message = self.doorstep(day, salt), "Delivery attempted: nobody at home"
        return self.scan(at, "in_transit", "delivery_exception", message, self.passage["destination"])

    def back(self, day: int) -> list[Scan]:
        """Go back to the sender from that day on."""
        leaves, arrives = self.at_destination(day, 10), self.at_destination(day + self.days, 11)
        return [
            self.scan(leaves, "return_to_sender", "return", "Returning to sender", self.passage["destination"]),
            self.scan(arrives, "return_to_sender", "return", "Returned to sender", self.passage["origin"]),
        ]


_SURELY_EARLIER_DAYS = 3


def _on_time(road: _Road) -> list[Scan]:
    early = road.days >= _SURELY_EARLIER_DAYS and road.chance("early") < 0.4  # noqa: PLR2004 - a share of parcels
    return road.arrive(road.days - 1 if early else road.days)


_DELAYS = (
    ("delayed", "Delayed in transit"),
    ("weather_delay", "Delayed by the weather"),
    ("missorted", "Missorted, rerouted to the right facility"),
)


def _late(road: _Road) -> list[Scan]:
    day = road.days + road.between("late by", 2, 4)
    scans = road.arrive(day)
    if road.chance("told") < 0.6:  # noqa: PLR2004 - the others are late without a word
        detail, message = _DELAYS[road.between("delay", 0, len(_DELAYS) - 1)]
        at = road.at_destination(max(1, road.days - 1), 13 + road.chance("told at"))
        hub = location("SIMPOST HUB", None, road.passage["destination"]["country"], None)
        told = road.scan(at, "in_transit", detail, message, hub)
        scans.append(replace(told, est_delivery_at=estimate(road.passage, road.start, day)))
    return scans


def _stalled(road: _Road) -> list[Scan]:
    silence = road.between("silence", 5, 8)
    before = road.facilities(road.out(road.days).due_at, days=road.days, upto=0.5)
    day = road.days + silence
    on = road.at_destination(day - 1, 5 + road.chance("moves again"))
    message = "Arrived at destination facility"
    again = road.scan(on, "in_transit", "arrived_at_facility", message, road.passage["destination"])
    return [*before, again, road.out(day), road.delivered(day)]


def _damaged(road: _Road) -> list[Scan]:
    at = road.at_destination(road.days, 4 + road.chance("damage"))
    hurt = road.scan(at, "in_transit", "damaged", "Package damaged, being inspected", road.passage["destination"])
    way = road.facilities(at, days=road.days)
    day = road.days + 1
    if road.chance("damaged goes back") < 0.5:  # noqa: PLR2004 - an even draw
        return [*way, hurt, *road.back(day)]
    return [*way, hurt, road.out(day), road.delivered(day)]


def _lost(road: _Road) -> list[Scan]:
    way = road.facilities(road.out(road.days).due_at, days=road.days, upto=0.7)
    at = road.at_destination(road.days + road.between("search", 7, 10), 12)
    gone = road.scan(at, "failure", "lost", "Package is considered lost", road.passage["destination"])
    return [*way, gone]


def _failed_attempt(road: _Road) -> list[Scan]:
    out = road.out(road.days)
    way = [*road.facilities(out.due_at, days=road.days), out, road.attempt(road.days, "attempt")]
    if road.chance("second attempt") < 0.7:  # noqa: PLR2004 - a share of parcels
        return [*way, road.out(road.days + 1, "out again"), road.delivered(road.days + 1, "second")]
    at = road.at_destination(road.days + 1, 10)
    message = "Available for pickup"
    waits = road.scan(at, "available_for_pickup", "arrived_at_pickup_location", message, road.passage["destination"])
    return [*way, waits, road.delivered(road.days + 1 + road.between("fetched after", 1, 3), "fetched")]


def _returned(road: _Road) -> list[Scan]:
    out = road.out(road.days)
    way = [*road.facilities(out.due_at, days=road.days), out]
    if road.chance("refused") < 0.5:  # noqa: PLR2004 - an even draw
        at = road.doorstep(road.days)
        refused = road.scan(at, "in_transit", "refused", "Refused by the recipient", road.passage["destination"])
        return [*way, refused, *road.back(road.days + 1)]
    again = [road.out(road.days + 1, "out again"), road.attempt(road.days + 1, "second attempt")]
    return [*way, road.attempt(road.days, "attempt"), *again, *road.back(road.days + 2)]


_PLANS: dict[Journey, Callable[[_Road], list[Scan]]] = {
    Journey.on_time: _on_time,
    Journey.late: _late,
    Journey.stalled: _stalled,
    Journey.damaged: _damaged,
    Journey.lost: _lost,
    Journey.failed_attempt: _failed_attempt,
    Journey.returned: _returned,
}


def write(scan: Scan) -> dict[str, object]:
    """Write a scan down as a tracking detail, with what the tracker learns from it beside."""
    return {
        "detail": {
            "object": "TrackingDetail",
            "message": scan.message,
            "description": "",
            "status": scan.status,
            "status_detail": scan.status_detail,
            "datetime": stamp(scan.occurred_at),
            "source": "SimPost",
            "carrier_code": "",
            "tracking_location": scan.place,
        },
        "signed_by": scan.signed_by,
        "est_delivery_date": None if scan.est_delivery_at is None else stamp(scan.est_delivery_at),
    }

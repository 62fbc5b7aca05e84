"""The learned history of one process: read once, then only what finished since, afresh each business day."""

from bisect import bisect_left, insort
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg

from services.care.quantiles import EVERYWHERE, Ended, History, Sample, Stage, lane_keys, mature_hours
from shared.db import Database, Transaction

_SINCE = "select id, stage, key, finished_at, hours from sample where id > $1 and finished_at >= $2 order by id"


class HistoryCache:
    """Samples in memory by (stage, key); what is recorded while a day runs counts from the next day on."""

    def __init__(self) -> None:
        self._last_id = 0
        self._samples: dict[tuple[Stage, str], list[Ended]] = {}
        self._day: datetime | None = None
        self._history = History()

    async def as_of(self, tx: Transaction, *, window: timedelta, enough: int) -> History:
        """Give the history as of the start of today."""
        day = tx.now.replace(hour=0, minute=0, second=0, microsecond=0)
        if self._day != day:
            await self._refresh(tx, day, window)
            self._history = History(self._sorted_hours(day), enough=enough)
            self._day = day
        return self._history

    async def _refresh(self, tx: Transaction, day: datetime, window: timedelta) -> None:
        for row in await tx.fetch(_SINCE, self._last_id, day - window):
            self._last_id = row["id"]
            insort(self._samples.setdefault((Stage(row["stage"]), row["key"]), []), (row["finished_at"], row["hours"]))
        for samples in self._samples.values():
            del samples[: bisect_left(samples, (day - window, 0.0))]

    def _sorted_hours(self, day: datetime) -> dict[tuple[Stage, str], tuple[float, ...]]:
        hours = {}
        for key, samples in self._samples.items():
            finished = samples[: bisect_left(samples, (day, float("-inf")))]
            hours[key] = mature_hours(key[0], finished, day)
        return hours


_caches: dict[int, HistoryCache] = {}


def cache_of(database: Database) -> HistoryCache:
    """Give the one cache of a process's database."""
    return _caches.setdefault(id(database), HistoryCache())


async def put_samples(tx: Transaction, samples: list[Sample]) -> None:
    """Store what finished parcels taught."""
    await tx.execute(
        "insert into sample (stage, key, finished_at, hours) "
        "select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::float8[])",
        [sample.stage.value for sample in samples],
        [sample.key for sample in samples],
        [sample.finished_at for sample in samples],
        [sample.hours for sample in samples],
    )


_FINISHED = """
select p.*, w.placed_at, w.service_level, w.country, w.zone, w.deliver_by, w.first_deliver_by, f.planned_at,
  f.started_at, f.packed_at
from watch_parcel p join watch w using (order_id) left join watch_fulfilment f using (fulfilment_id)
where p.parcel_id = any($1::uuid[]) and p.handed_over_at is not null and p.delivered_at is not null
"""
_HOUR = timedelta(hours=1)


def _scans_of(parcel: asyncpg.Record) -> list[tuple[datetime, str]]:
    """Give a delivered parcel's scans with the position each told, where it was kept, in the order they happened."""
    scans, milestones = parcel["scans"], parcel["milestones"][-len(parcel["scans"]) or None :]
    told = [*[""] * (len(scans) - len(milestones)), *milestones]
    return sorted([*zip(scans, told, strict=True), (parcel["delivered_at"], "")])


async def samples_of(tx: Transaction, parcel_ids: list[UUID]) -> list[Sample]:
    """Give what delivered parcels teach about every stage they went through."""
    samples: list[Sample] = []
    for row in await tx.fetch(_FINISHED, parcel_ids):
        finished = row["delivered_at"]
        transit = lane_keys(row["service_level"], row["country"], row["zone"], (row["carrier"], row["service"]))
        house = (row["location"], EVERYWHERE)
        stretches: list[tuple[Stage, tuple[str, ...], datetime | None, datetime | None]] = [
            (Stage.TRANSIT, transit, row["handed_over_at"], finished),
            (Stage.LAST_MILE, (*transit, EVERYWHERE), row["out_for_delivery_at"], finished),
            (Stage.PROMISE_SLACK, (row["country"],), finished, row["first_deliver_by"]),
            (Stage.PLACED, (row["country"], EVERYWHERE), row["placed_at"], row["handed_over_at"]),
            (Stage.PLANNED, house, row["planned_at"], row["handed_over_at"]),
            (Stage.PICKING, house, row["started_at"], row["handed_over_at"]),
            (Stage.PACKED, house, row["packed_at"], row["handed_over_at"]),
            (Stage.PICK_AND_PACK, house, row["planned_at"], row["packed_at"]),
            (Stage.PACK, house, row["started_at"], row["packed_at"]),
        ]
        service = f"{row['carrier']}/{row['service']}"
        stretches += [
            (Stage.SCAN_GAP, (service, *([f"{service}/{milestone}"] if milestone else [])), earlier, later)
            for (earlier, milestone), (later, _) in pairwise(_scans_of(row))
        ]
        for stage, keys, start, end in stretches:
            if start is not None and end is not None and (end >= start or stage is Stage.PROMISE_SLACK):
                samples += [Sample(stage, key, finished, (end - start) / _HOUR) for key in keys]
    return samples

"""Invariant 7, and which orders are settled: every consumer has read what its producers published."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from cli.check.books import Behind, Books
from cli.check.databases import Databases, Row
from cli.check.findings import Fact, Finding
from deploy.local.names import SERVICES, SUBSCRIPTIONS
from shared import clock
from shared.settings import ServiceSettings
from shared.tables import RING_SLOTS

Position = tuple[int, int]
"""Epoch and sequence: how far a stream is read, or said."""
_NEVER = (0, 0)
# Events are kept by the day; what is younger than this is there on both sides.
_KEPT = timedelta(days=ServiceSettings.model_fields["retention_days"].default - 1)
_MOST = 100
_SLOTS = list(range(RING_SLOTS))
# While nothing is old enough to be dropped, a stream begins with 1; later, with the first that is kept.
_MISSING = """
with kept as (
  select key, sequence from event_log union select key, sequence from outbox
), age as (
  select coalesce(min(recorded_at) > $1, false) as is_young from event_log
), counted as (
  select s.key, s.sequence, count(k.sequence) as kept,
    case when a.is_young then 1 else coalesce(min(k.sequence), s.sequence + 1) end as first
  from age a, stream s left join kept k on k.key = s.key group by s.key, s.sequence, a.is_young
)
select c.key, c.sequence, c.kept, c.first, (
  select min(n) from generate_series(c.first, c.sequence) n
  where not exists (select from kept k where k.key = c.key and k.sequence = n)
) as lost from counted c where c.kept <> c.sequence - c.first + 1 order by c.key limit 100
"""
_POSITIONS = "select source, key, epoch, sequence from stream_position where consumer = $1"
_NEWEST_EPOCHS = "select source, max(epoch) from stream_position group by source"
_STREAMS = "select key, sequence from stream where key = any($1::text[])"
_LAST_SAID = """
select distinct on (key) key, epoch, sequence from (
  select key, epoch, sequence from event_log where key = any($1::text[])
  union all select key, epoch, sequence from outbox where key = any($1::text[])
) said order by key, epoch desc, sequence desc
"""
_SINCE = """
select b.key, min(e.recorded_at) as since from unnest($1::text[], $2::bigint[]) as b(key, read) join (
  select key, sequence, recorded_at from event_log union all select key, sequence, recorded_at from outbox
) e on e.key = b.key and e.sequence > b.read group by b.key
"""
_EVENTS = """
select event_id, key, sequence, type, topic, partition, "offset" from event_log where published_at > $1
"""
# An event's id says when it was made, so those of a page lie close together in the inbox too.
_UNAPPLIED = """
select e.id from unnest($1::uuid[]) as e(id) where not exists (
  select from inbox i where i.slot = any($3::smallint[]) and i.consumer = $2 and i.event_id = e.id
    and i.event_id between $4 and $5
) and not exists (select from audit a where a.act = 'discard_event' and a.subject = e.id::text)
"""
_TWICE = """
select event_id, count(*) as times from inbox where consumer = $1 group by event_id having count(*) > 1 limit 100
"""
_WHOSE = """
select event_id, key, sequence, type, topic, partition, "offset" from event_log where event_id = any($1::uuid[])
"""
_STUCK = """
select source, key, sequence, state, reason, headers ->> 'ce_type' as type from parked
where state = 'dead' or attempts > 0 order by parked_at limit 100
"""
_LETTERS = """
select id, topic, partition, "offset", error, key, headers ->> 'ce_type' as type, headers ->> 'ce_sequence' as sequence
from dead_letter where state = 'open' order by id limit 100
"""


async def unsettled_keys(databases: Databases) -> dict[str, list[Behind]]:
    """Give, by key, which consumers have read more or less of it than there was in its producer's snapshot.

    What a producer said in a life that a restore has ended, it does not say again: who read that has read all there is.
    """
    behind: dict[str, list[Behind]] = {}
    published = {s: await databases.totals(s, "select key, sequence from stream") for s in SERVICES}
    epochs = await _epochs(databases)
    for consumer in SERVICES:
        read = await _positions(databases, consumer)
        for source in _sources(consumer):
            positions, there = read.get(source, {}), published[source]
            differ = {key for key in there.keys() | positions.keys() if _read(positions, key) != there.get(key, 0)}
            former = {
                key for key in differ
                if positions.get(key, _NEVER)[0] < epochs[source] and _read(positions, key) > there.get(key, 0)
            }  # fmt: skip
            last = await _last_said(databases, source, former)
            for key in differ - {key for key in former if last.get(key, _NEVER) <= positions[key]}:
                found = Behind(consumer, source, _read(positions, key), there.get(key, 0))
                behind.setdefault(key, []).append(found)
    return behind


async def unread_since(databases: Databases, unsettled: Mapping[str, list[Behind]]) -> dict[str, datetime]:
    """Give, by key, when the oldest event was recorded that somebody has not read."""
    reads: dict[str, dict[str, int]] = defaultdict(dict)
    for key, behind in unsettled.items():
        for each in behind:
            reads[each.source][key] = min(each.read, reads[each.source].get(key, each.read))
    since: dict[str, datetime] = {}
    for source, read in reads.items():
        for row in await databases.rows(source, _SINCE, list(read), list(read.values())):
            since[row["key"]] = min(row["since"], since.get(row["key"], row["since"]))
    return since


def _read(positions: Mapping[str, Position], key: str) -> int:
    return positions.get(key, _NEVER)[1]


async def _epochs(databases: Databases) -> dict[str, int]:
    """Give each producer's present epoch, as far as anybody has heard of it."""
    epochs = dict.fromkeys(SERVICES, 1)
    for consumer in SERVICES:
        heard = await databases.totals(consumer, _NEWEST_EPOCHS)
        epochs |= {source: max(epoch, epochs[source]) for source, epoch in heard.items()}
    return epochs


async def _last_said(databases: Databases, source: str, keys: Collection[str]) -> dict[str, Position]:
    rows = await databases.rows(source, _LAST_SAID, list(keys)) if keys else []
    return {row["key"]: (row["epoch"], row["sequence"]) for row in rows}


def _sources(consumer: str) -> list[str]:
    return [topic.rpartition(".")[2] for topic in SUBSCRIPTIONS[consumer]]


async def _positions(databases: Databases, consumer: str) -> dict[str, dict[str, Position]]:
    read: dict[str, dict[str, Position]] = {}
    for row in await databases.rows(consumer, _POSITIONS, consumer):
        read.setdefault(row["source"], {})[row["key"]] = row["epoch"], row["sequence"]
    return read


async def check_messages(books: Books) -> list[Finding]:
    """Events lost, not applied, applied twice or given up, and consumers that claim what nobody published."""
    findings: list[Finding] = []
    for service in SERVICES:
        findings.extend(await _lost(books, service))
        findings.extend(await _ahead(books, service))
        findings.extend(await _applied(books, service))
        findings.extend(await _given_up(books, service))
    return findings


async def _lost(books: Books, service: str) -> list[Finding]:
    findings: list[Finding] = []
    for row in await books.rows(service, _MISSING, clock.real() - _KEPT):
        name = books.name(row["key"])
        wanted = row["sequence"] - row["first"] + 1
        detail = f"{service} numbered {wanted} events since #{row['first']}, {row['kept']} are in outbox and event log"
        findings.append(
            Finding(7, f"stream {name}", detail, Fact(name, f"doorstep.{service}", row["lost"], key=row["key"]))
        )
    return findings


async def _ahead(books: Books, consumer: str) -> list[Finding]:
    """Find streams of which a consumer has read more than was ever published; asked again, now."""
    read, epochs = await _positions(books.databases, consumer), await _epochs(books.databases)
    findings: list[Finding] = []
    for source in _sources(consumer):
        of_now = {key: at for key, at in read.get(source, {}).items() if at[0] >= epochs[source]}
        doubtful = [key for key in of_now if key in books.unsettled]
        now = {row["key"]: row["sequence"] for row in await books.databases.rows_now(source, _STREAMS, doubtful)}
        for key in doubtful:
            done, there = of_now[key][1], now.get(key, 0)
            if done > there:
                name = books.name(key)
                detail = f"{consumer} has read up to #{done}, {source} has published {there}"
                findings.append(
                    Finding(7, f"stream {name}", detail, Fact(name, f"doorstep.{source}", there + 1, key=key))
                )
    return findings


async def _applied(books: Books, consumer: str) -> list[Finding]:
    """Hold the producers' logs against a consumer's inbox."""
    findings: list[Finding] = []
    for source in _sources(consumer):
        findings.extend((await _unapplied(books, consumer, source))[:_MOST])
    twice = {row["event_id"]: row["times"] for row in await books.rows(consumer, _TWICE, consumer)}
    for source in _sources(consumer) if twice else ():
        for row in await books.rows(source, _WHOSE, list(twice)):
            findings.append(_event(books, row, f"{consumer} applied it {twice[row['event_id']]} times"))  # noqa: PERF401
    return findings


async def _unapplied(books: Books, consumer: str, source: str) -> list[Finding]:
    """Give the settled events that a consumer's inbox does not have."""
    findings: list[Finding] = []
    async for page in books.databases.pages(source, _EVENTS, clock.real() - _KEPT):
        settled = {row["event_id"]: row for row in page if books.is_settled(row["key"])}
        of_page = (list(settled), consumer, _SLOTS, min(settled, default=None), max(settled, default=None))
        for row in await books.rows(consumer, _UNAPPLIED, *of_page):
            findings.append(_event(books, settled[row["id"]], f"{consumer} never applied it"))  # noqa: PERF401 - async
        if len(findings) >= _MOST:
            break
    return findings


def _event(books: Books, row: Row, detail: str) -> Finding:
    where = (row["topic"], row["partition"], row["offset"])
    fact = Fact(books.name(row["key"]), row["type"], row["sequence"], "", *where, key=row["key"])
    return Finding(7, f"event {row['event_id']}", detail, fact)


async def _given_up(books: Books, service: str) -> list[Finding]:
    findings: list[Finding] = []
    for row in await books.rows(service, _STUCK):
        name = books.name(row["key"])
        fact = Fact(name, row["type"] or f"doorstep.{row['source']}", row["sequence"], key=row["key"])
        findings.append(Finding(7, f"stream {name}", f"{service} holds it: {row['reason'][:160]}", fact))
    for row in await books.rows(service, _LETTERS):
        place = f"{row['topic']}[{row['partition']}]@{row['offset']}"
        number = row["sequence"] or ""
        sequence = int(number) if number.isdigit() else 0
        where = (row["topic"], row["partition"], row["offset"])
        fact = Fact(books.name(row["key"]), row["type"] or "unreadable", sequence, "", *where)
        findings.append(Finding(7, f"dead letter {row['id']} of {service}", f"{place}: {row['error'][:160]}", fact))
    return findings

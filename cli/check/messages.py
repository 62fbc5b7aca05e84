"""Invariant 7, and which orders are settled: every consumer has read what its producers published."""

from cli.check.databases import Databases
from cli.check.findings import Finding

SERVICES = ("orders", "inventory", "shipping", "care")
_MISSING = """
select s.key, s.sequence, count(distinct e.sequence) as kept, min(e.sequence) as first
from stream s left join (
  select key, sequence from event_log union all select key, sequence from outbox
) e on e.key = s.key
group by s.key, s.sequence
having count(distinct e.sequence) <> s.sequence - coalesce(min(e.sequence), s.sequence + 1) + 1
limit 100
"""
_STUCK = """
select source, key, sequence, state, reason, event_id::text as event_id from parked
where state = 'dead' or attempts > 0 order by parked_at limit 100
"""
_LETTERS = """
select id, topic, partition, "offset", error from dead_letter where state = 'open' order by id limit 100
"""


async def unsettled_keys(databases: Databases) -> dict[str, list[str]]:
    """Give, per stream key, which consumers have not read all of it."""
    behind: dict[str, list[str]] = {}
    published = {s: await databases.totals(s, "select key, sequence from stream") for s in SERVICES}
    for consumer in SERVICES:
        rows = await databases.rows(
            consumer, "select source, key, sequence from stream_position where consumer = $1", consumer
        )
        read: dict[str, dict[str, int]] = {}
        for row in rows:
            read.setdefault(row["source"], {})[row["key"]] = row["sequence"]
        for source, positions in read.items():
            for key, sequence in published[source].items():
                if positions.get(key, 0) != sequence:
                    count = f"{consumer} has read {positions.get(key, 0)} of {sequence} events of {source}"
                    behind.setdefault(key, []).append(count)
    return behind


async def check_messages(databases: Databases) -> list[Finding]:
    """Events lost from the log, events given up, and records nobody could read."""
    findings: list[Finding] = []
    for service in SERVICES:
        for row in await databases.rows(service, _MISSING):
            detail = f"{service} numbered {row['sequence']} events, {row['kept']} are in outbox and event log"
            findings.append(Finding(7, f"stream {row['key']}", detail))
        for row in await databases.rows(service, _STUCK):
            fact = f"{row['source']} #{row['sequence']} ({row['event_id']})"
            findings.append(Finding(7, f"stream {row['key']}", f"{service} holds it: {row['reason'][:160]}", fact))
        for row in await databases.rows(service, _LETTERS):
            place = f"{row['topic']}[{row['partition']}]@{row['offset']}"
            findings.append(Finding(7, f"dead letter {row['id']} of {service}", row["error"][:160], place))
    return findings

"""Messages that wait or were given up, publishing again, and the topics."""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Json, Limit, Reason, aware, group
from deploy.local import names
from deploy.local import topics as own_topics
from shared import kafka
from shared import topics as broker
from shared.auth import Role

dead_letters = group("Records that could not be read, and events given up, which block their stream.")
parked = group("Events that wait for a precondition or failed, and block the later ones of their key.")
topics = group("The broker's topics.")

Service = Annotated[str, typer.Argument(help=f"One of {', '.join(names.SERVICES)}.")]
Identity = Annotated[str, typer.Argument(help="The event's or the letter's id.")]
Cause = Annotated[str, typer.Argument(help="Why they are dead, as `parked list` shows it.")]


class StuckState(StrEnum):
    """How an event is stuck: it is tried again by itself, or waits for an operator."""

    PARKED = "parked"
    DEAD = "dead"


_PARKED = (
    ("service", "service"),
    ("event", "event_id"),
    ("type", "type"),
    ("key", "key"),
    ("number", "sequence"),
    ("state", "state"),
    ("tries", "attempts"),
    ("since", "parked_at"),
    ("reason", "reason"),
)
_LETTERS = (
    ("service", "service"),
    ("id", "id"),
    ("topic", "topic"),
    ("partition", "partition"),
    ("offset", "offset"),
    ("error", "error"),
)
_OVERDUE = (
    ("service", "service"),
    ("kind", "kind"),
    ("which", "subject"),
    ("order", "order_id"),
    ("state", "state"),
    ("should have moved", "due_at"),
)
_VITALS = (
    ("service", "service"),
    ("workers", "workers"),
    ("waits to leave", "outbox_rows"),
    ("oldest, seconds", "outbox_seconds"),
    ("parked", "parked"),
    ("dead", "dead_events"),
    ("dead letters", "dead_letters"),
    ("overdue", "overdue"),
)
_AUDIT = (
    ("service", "service"),
    ("at", "at"),
    ("who", "actor"),
    ("act", "act"),
    ("of", "subject"),
    ("why", "reason"),
    ("by", "cause"),
)


@parked.command("list")
def list_parked(
    state: Annotated[StuckState | None, typer.Option(help="Only these.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what was given up, and what waits, in all services; in each the dead ones first."""
    show.rows(_everywhere("/staff/parked", limit, {"state": state}), _PARKED, json=as_json, empty="nothing is parked")


@parked.command("replay-alike")
def replay_alike(service: Service, cause: Cause, reason: Reason, as_json: Json = False) -> None:
    """Try again all events that died of one cause: one fault was mended."""
    body: JsonValue = {"cause": cause, "reason": reason}
    answer = client.post(service, "/staff/parked/replay", Role.OPERATOR, body)
    show.done(answer, f"{show.named(answer, 'count')} will be tried again", json=as_json)


@parked.command("replay")
def replay_parked(service: Service, identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Try a dead event again."""
    answer = client.post(service, f"/staff/parked/{identity}/replay", Role.OPERATOR, {"reason": reason})
    show.done(answer, f"{identity} will be tried again", json=as_json)


@parked.command("discard")
def discard_parked(service: Service, identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Give an event up; its stream goes on behind it."""
    answer = client.post(service, f"/staff/parked/{identity}/discard", Role.OPERATOR, {"reason": reason})
    show.done(answer, f"{identity} was given up", json=as_json)


@dead_letters.command("list")
def list_dead_letters(limit: Limit = 100, as_json: Json = False) -> None:
    """List unreadable records and dead events, in all services."""
    letters = _everywhere("/staff/dead-letters", limit)
    dead = _everywhere("/staff/parked", limit, {"state": StuckState.DEAD})
    if as_json:
        show.as_json({"unreadable": letters, "dead": dead})
        return
    show.rows(letters, _LETTERS, json=False, empty="no unreadable record")
    show.rows(dead, _PARKED, json=False, empty="no dead event")


@dead_letters.command("show")
def show_dead_letter(service: Service, identity: Identity, as_json: Json = False) -> None:
    """Show everything that is known of one."""
    answer = client.get(service, f"/staff/dead-letters/{identity}", Role.OPERATOR)
    letter = answer.get("data") if isinstance(answer, dict) else None
    show.facts(letter, json=as_json, title=f"{service} {identity}")


@dead_letters.command("replay")
def replay_dead_letter(service: Service, identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Try a dead event again, or read an unreadable record again."""
    if not identity.isdigit():
        replay_parked(service, identity, reason, as_json)
        return
    answer = client.post(service, f"/staff/dead-letters/{identity}/replay", Role.OPERATOR, {"reason": reason})
    show.done(answer, f"letter {identity} is read again", json=as_json)


@dead_letters.command("discard")
def discard_dead_letter(service: Service, identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Give a dead event up, or close an unreadable record."""
    if not identity.isdigit():
        discard_parked(service, identity, reason, as_json)
        return
    answer = client.post(service, f"/staff/dead-letters/{identity}/discard", Role.OPERATOR, {"reason": reason})
    show.done(answer, f"letter {identity} is closed", json=as_json)


def overdue(
    kind: Annotated[str | None, typer.Option(help="Only this kind, e.g. shipment, hold or inbound.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what has stayed in its state longer than it may, in all services."""
    rows = _everywhere("/staff/overdue", limit, {"kind": kind})
    show.rows(rows, _OVERDUE, json=as_json, empty="nothing is overdue")


def vitals(as_json: Json = False) -> None:
    """How each service is: what waits to leave, what is stuck, how many workers there are."""
    rows: list[JsonValue] = []
    for service in names.SERVICES:
        answer = client.get(service, "/staff/vitals", Role.OPERATOR)
        rows.append({"service": service, **(answer if isinstance(answer, dict) else {})})
    show.rows(rows, _VITALS, json=as_json)


def audit(
    subject: Annotated[str | None, typer.Option(help="Only about this: an id, a SKU, a switch.")] = None,
    cause: Annotated[str | None, typer.Option(help="Only what followed from this request, job or event.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List who overrode, repaired, replayed or discarded what, and why, in all services, newest first."""
    rows = show.list_of(_everywhere("/staff/audit", limit, {"subject": subject, "cause": cause}))
    newest: list[JsonValue] = [*sorted(rows, key=lambda row: str(row.get("at")), reverse=True)[:limit]]
    show.rows(newest, _AUDIT, json=as_json, empty="nothing was overridden")


def replay(
    since: Annotated[datetime, typer.Option(help="Real time, UTC unless it names a zone.")],
    reason: Reason,
    service: Annotated[str, typer.Option(help="Only this service's events.")] = ",".join(names.SERVICES),
    key: Annotated[str | None, typer.Option(help="Only this order's or SKU's events.")] = None,
    as_json: Json = False,
) -> None:
    """Publish again what was published since a moment; consumers drop what they have applied."""
    body = {"since": aware(since).isoformat(), "key": key, "reason": reason}
    rows: list[dict[str, JsonValue]] = []
    for name in service.split(","):
        answer = client.post(name, "/staff/replay", Role.OPERATOR, body)
        rows.append({"service": name, "count": show.at(answer, "count") if isinstance(answer, dict) else 0})
    show.rows(list(rows), (("service", "service"), ("published again", "count")), json=as_json)


@topics.command("list")
def list_topics(as_json: Json = False) -> None:
    """List the topics: how long they are, and how far each service is behind."""
    try:
        rows = asyncio.run(_measure(client.found().bootstrap))
    except kafka.BrokerAwayError as error:
        client.fail(f"the broker cannot be reached: {error}; start the suite with: doorstep up", client.UNREACHABLE)
    behind = [(f"{service} behind", f"behind.{service}") for service in names.SERVICES]
    show.rows(
        list(rows), (("topic", "topic"), ("partitions", "partitions"), ("records", "records"), *behind), json=as_json
    )


@topics.command("create")
def create_topics(
    replication: Annotated[int, typer.Option(help="Copies of each partition.")] = 1, as_json: Json = False
) -> None:
    """Create the topics that do not exist yet."""
    asyncio.run(own_topics.create(client.found().bootstrap, replication=replication))
    list_topics(as_json)


def _everywhere(path: str, limit: int, params: client.Params | None = None) -> JsonValue:
    return [
        {"service": service, **row}
        for service in names.SERVICES
        for row in show.list_of(client.get(service, path, Role.OPERATOR, {**(params or {}), "limit": limit}))
    ]


async def _measure(bootstrap: str) -> list[dict[str, JsonValue]]:
    settings = own_topics.settings_for(bootstrap)
    ends = await broker.end_offsets(settings, names.TOPICS)
    behind: dict[str, dict[str, JsonValue]] = {topic: {} for topic in names.TOPICS}
    for service, read in names.SUBSCRIPTIONS.items():
        committed = await broker.committed_offsets(settings, f"doorstep.{service}", read)
        for topic in read:
            places = [place for place in ends if place[0] == topic]
            behind[topic][service] = sum(max(0, ends[place] - committed.get(place, 0)) for place in places)
    return [
        {
            "topic": topic,
            "partitions": sum(1 for place in ends if place[0] == topic),
            "records": sum(end for place, end in ends.items() if place[0] == topic),
            "behind": behind[topic],
        }
        for topic in names.TOPICS
    ]

"""Routes that every process or service has: health, metrics, rest, and the operators' repair of messages."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from shared import audit as trail
from shared import clock, db, overdue, parking, privacy, relay, switches, vitals
from shared.audit import audit
from shared.auth import LookUp, Operator, Privacy, Public
from shared.db import Database, Transaction
from shared.doors import Answer, Body, Mutation, Tx
from shared.errors import FieldError, InvalidError
from shared.fields import Moment, Serial

Limit = Annotated[int, Query(ge=1, le=500)]

_MOST_PATIENCE_MS = 1000
_LOOK_AGAIN_SECONDS = 0.005


@dataclass(slots=True)
class Rest:
    """Whether a process rests, and what it waits for; the stepping driver reads it.

    `published` counts all events of the service (None for an API), `consumed` those it has applied or parked,
    by source: the suite rests only when every consumer has what its producers published.
    """

    at_rest: bool
    activity: int
    next_due: datetime | None
    why: list[str]
    published: int | None = None
    consumed: dict[str, int] = field(default_factory=dict)


def process_router(
    database: Database, rest: Callable[[bool], Awaitable[Rest]], table: str = "stream_position"
) -> APIRouter:
    """Make the routes of one process: live, ready (when `table` is there), metrics, and rest.

    Rest may be brief, and be asked with patience: who is at work then answers once that is done, or the time is up.
    """
    router = APIRouter(dependencies=[Public])

    @router.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/health/ready", include_in_schema=False)
    async def ready() -> JSONResponse:
        try:
            async with database.transaction() as tx:
                await tx.value(f"select 1 from {table} limit 1")
        except Exception as error:
            if db.is_away(error) or isinstance(db.root_cause(error), asyncpg.UndefinedTableError):
                return JSONResponse({"status": "database away or not migrated"}, status_code=503)
            raise
        return JSONResponse({"status": "ok"})

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/internal/rest", include_in_schema=False)
    async def resting(
        brief: bool = False, patience_ms: Annotated[int, Query(ge=0, le=_MOST_PATIENCE_MS)] = 0
    ) -> dict[str, object]:
        ends = clock.monotonic() + patience_ms / 1000
        state = await rest(brief)
        while not state.at_rest and clock.monotonic() < ends:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            state = await rest(brief)
        return _jsonable(asdict(state))

    return router


class Reason(Body):
    """Why an operator acts; it goes into the audit trail."""

    reason: str = Field(min_length=3, max_length=500)


class ReplayAlike(Reason):
    """Try again all events that died of one cause, as the list of them names it."""

    cause: str = Field(min_length=1, max_length=500)


class Replay(Body):
    """Publish again what was published since `since` (real time), of one key if given."""

    since: Moment
    key: str | None = Field(default=None, max_length=200)
    reason: str = Field(min_length=3, max_length=500)


class SetPause(Body):
    """Which work to pause, and why; scope `*` means everywhere."""

    kind: str = Field(max_length=100)
    scope: str = Field(default=switches.EVERYWHERE, min_length=1, max_length=200)
    reason: str = Field(min_length=3, max_length=500)


class Listing(Answer):
    """A list of rows."""

    data: list[dict[str, object]]


class Excerpt(Listing):
    """The first rows of a list, and how many there are in `total`."""

    total: int


class Cause(Answer):
    """Why events are dead, and how many are."""

    reason: str
    count: int


class Stuck(Excerpt):
    """Parked and dead events, the dead ones first, and what the dead ones died of."""

    causes: list[Cause]


class One(Answer):
    """One row."""

    data: dict[str, object]


class SwitchView(Answer):
    """A kind of work that can be paused, everywhere or for one of its scopes."""

    kind: str
    scopes: list[str]


class VitalsView(Answer):
    """How a service is; see shared.vitals."""

    outbox_rows: int
    outbox_seconds: float
    parked: int
    dead_events: int
    dead_letters: int
    overdue: int
    workers: int
    published: int
    consumed: dict[str, int]
    switches: list[SwitchView]


class PersonalData(Answer):
    """What a service keeps of an order and its customer, by table."""

    order_id: UUID
    service: str
    data: dict[str, list[dict[str, object]]]


class Count(Answer):
    """How many were done."""

    count: int


def operators_router(
    kinds: tuple[switches.Switch, ...], service: str = "", personal: tuple[privacy.Table, ...] = ()
) -> APIRouter:
    """Make the operators' routes of a service; `kinds` are the pause switches it honours, `personal` its tables."""
    router = APIRouter(prefix="/staff", tags=["operators"])
    _add_parked(router)
    _add_dead_letters(router)
    _add_overdue(router)
    _add_switches(router, kinds)
    _add_replay(router)
    _add_audit(router)
    _add_vitals(router, kinds, service)
    _add_personal_data(router, service, personal)
    return router


def _add_parked(router: APIRouter) -> None:
    @router.get("/parked")
    async def list_parked(
        tx: Tx, _who: Operator, state: Literal["parked", "dead"] | None = None, limit: Limit = 100
    ) -> Stuck:
        """List the events given up, which block their stream, then those that wait."""
        rows = _plain(await parking.list_parked(tx, state=state, limit=limit))
        causes = [Cause(**dict(row)) for row in await parking.list_causes(tx)]
        return Stuck(data=rows, total=await parking.count_parked(tx, state=state), causes=causes)

    @router.post("/parked/replay", response_model=Count)
    async def revive_alike(body: ReplayAlike, call: Mutation, who: Operator) -> Response:
        """Try again all events that died of one cause: one fault was mended."""

        async def act(tx: Transaction) -> Count:
            return Count(count=await parking.revive_alike(tx, body.cause, actor=who.actor, reason=body.reason))

        return await call.once(who, body, act)

    @router.post("/parked/{event_id}/replay", status_code=204, response_class=Response)
    async def revive(event_id: str, body: Reason, call: Mutation, who: Operator) -> Response:
        """Try a dead event again."""
        return await call.once(who, body, lambda tx: parking.revive(tx, event_id, actor=who.actor, reason=body.reason))

    @router.post("/parked/{event_id}/discard", status_code=204, response_class=Response)
    async def discard(event_id: str, body: Reason, call: Mutation, who: Operator) -> Response:
        """Give an event up; its stream goes on behind it."""
        return await call.once(who, body, lambda tx: parking.discard(tx, event_id, actor=who.actor, reason=body.reason))


def _add_dead_letters(router: APIRouter) -> None:
    @router.get("/dead-letters")
    async def list_dead_letters(tx: Tx, _who: Operator, limit: Limit = 100) -> Excerpt:
        """List records that could not be read."""
        rows = _plain(await parking.list_dead_letters(tx, limit=limit))
        return Excerpt(data=rows, total=await parking.count_dead_letters(tx))

    @router.get("/dead-letters/{letter_id}")
    async def read_dead_letter(letter_id: str, tx: Tx, _who: Operator) -> One:
        """Read an unreadable record by its number, or a parked or dead event by its id."""
        return One(data=_jsonable(dict(await parking.get_dead_letter(tx, letter_id))))

    @router.post("/dead-letters/{letter_id}/replay", status_code=204, response_class=Response)
    async def replay(letter_id: Serial, body: Reason, call: Mutation, who: Operator) -> Response:
        """Read an unreadable record again, and apply it as if it came now."""
        return await call.once(
            who, body, lambda tx: parking.replay_dead_letter(tx, letter_id, actor=who.actor, reason=body.reason)
        )

    @router.post("/dead-letters/{letter_id}/discard", status_code=204, response_class=Response)
    async def close(letter_id: Serial, body: Reason, call: Mutation, who: Operator) -> Response:
        """Close a dead letter."""
        return await call.once(
            who, body, lambda tx: parking.close_dead_letter(tx, letter_id, actor=who.actor, reason=body.reason)
        )


def _add_overdue(router: APIRouter) -> None:
    @router.get("/overdue")
    async def list_overdue(tx: Tx, _who: LookUp, kind: str | None = None, limit: Limit = 100) -> Excerpt:
        """List what has stayed in its state longer than it may, longest first."""
        rows = _plain(await overdue.list_overdue(tx, kind=kind, limit=limit))
        return Excerpt(data=rows, total=await overdue.count_overdue(tx, kind=kind))


def _add_switches(router: APIRouter, kinds: tuple[switches.Switch, ...]) -> None:
    honoured = {switch.kind: switch for switch in kinds}

    def switch_of(body: SetPause) -> switches.Switch:
        if body.kind not in honoured:
            detail = f"this service pauses: {', '.join(honoured) or 'nothing'}"
            raise InvalidError(detail, errors=(FieldError("/kind", "unknown_kind", detail),))
        return honoured[body.kind]

    @router.get("/pauses")
    async def list_pauses(tx: Tx, _who: LookUp) -> Listing:
        """List the pause switches that are set."""
        return Listing(data=[_jsonable(_fields(pause)) for pause in await switches.list_pauses(tx)])

    @router.post("/pauses", status_code=204, response_class=Response)
    async def pause(body: SetPause, call: Mutation, who: Operator) -> Response:
        """Pause one kind of outside work."""
        switch = switch_of(body)
        return await call.once(
            who, body, lambda tx: switches.pause(tx, switch, body.scope, actor=who.actor, reason=body.reason)
        )

    @router.post("/pauses/resume", status_code=204, response_class=Response)
    async def resume(body: SetPause, call: Mutation, who: Operator) -> Response:
        """Resume it."""
        kind = switch_of(body).kind
        return await call.once(
            who, body, lambda tx: switches.resume(tx, kind, body.scope, actor=who.actor, reason=body.reason)
        )


def _add_replay(router: APIRouter) -> None:
    @router.post("/replay", response_model=Count)
    async def replay(body: Replay, call: Mutation, who: Operator) -> Response:
        """Publish events again; consumers drop what they have applied."""

        async def act(tx: Transaction) -> Count:
            count = await relay.republish(await tx.connection(), body.since, body.key)
            tx.wrote = True
            await audit(tx, actor=who.actor, act="replay", subject=body.key or "*", reason=body.reason)
            return Count(count=count)

        return await call.once(who, body, act)


def _add_audit(router: APIRouter) -> None:
    @router.get("/audit")
    async def list_audit(  # noqa: PLR0913 - a filter's fields are query parameters
        tx: Tx,
        _who: Operator,
        *,
        subject: str | None = None,
        actor: Annotated[str | None, Query(max_length=200)] = None,
        since: Moment | None = None,
        until: Moment | None = None,
        before: Serial | None = None,
        cause: Annotated[str | None, Query(max_length=200)] = None,
        limit: Limit = 100,
    ) -> Listing:
        """List the audit trail, newest first; `actor` is a part of a name, `before` the id of the last row seen.

        `cause` is what rows follow from, or its end: the id of a request (`X-Request-Id`), `job:…` or `event:…`.
        """
        rows = await trail.list_audit(tx, trail.Wanted(subject, actor, since, until, before, cause), limit=limit)
        return Listing(data=_plain(rows))


def _add_vitals(router: APIRouter, kinds: tuple[switches.Switch, ...], service: str) -> None:
    pausable = [SwitchView(kind=switch.kind, scopes=[scope.name for scope in switch.scopes]) for switch in kinds]

    @router.get("/vitals")
    async def show_vitals(tx: Tx, _who: Operator) -> VitalsView:
        """Say what waits to leave, what was read, what is stuck, how many workers there are, and what can be paused."""
        return VitalsView(**asdict(await vitals.take(tx, service)), switches=pausable)


def _add_personal_data(router: APIRouter, service: str, tables: tuple[privacy.Table, ...]) -> None:
    @router.get("/personal-data/{order_id}")
    async def export_personal_data(order_id: UUID, tx: Tx, who: Privacy) -> PersonalData:
        """Give all that is kept of an order and its customer, in clear; that you asked is audited."""
        await audit(tx, actor=who.actor, act="export_customer", subject=str(order_id), reason="asked for the data")
        return PersonalData(order_id=order_id, service=service, data=await privacy.collect(tx, tables, order_id))


def _plain(rows: list[asyncpg.Record]) -> list[dict[str, object]]:
    return [_jsonable(dict(row)) for row in rows]


def _fields(pause: switches.Pause) -> dict[str, object]:
    return {
        "kind": pause.kind,
        "scope": pause.scope,
        "reason": pause.reason,
        "actor": pause.actor,
        "at": pause.paused_at,
    }


def _jsonable(row: dict[str, object]) -> dict[str, object]:
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool, dict, list, type(None))) else str(value)

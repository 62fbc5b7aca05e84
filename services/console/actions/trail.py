"""The audit trail of all services and of the console's own door, as one list, newest first, page by page."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from services.console.actions.operations import ask_each
from services.console.navigation import page_address
from services.console.neighbours import SERVICES, Caller
from services.console.queries import staff
from services.console.schemas.operations import AuditRow, AuditRows
from services.console.settings import pages
from services.console.wording import say
from shared.db import Transaction
from shared.errors import InvalidError

CONSOLE = "console"
_PAGE = 100
_TOLD_APART = 8
"""So many of a number's last digits tell it from others; its link has all."""
_PLACES = (*SERVICES, CONSOLE)


class Wanted(BaseModel, frozen=True):
    """Which rows to show; empty fields narrow nothing. `seen` says of each place the last row shown: `care:17,…`."""

    actor: str = Field(default="", max_length=100)
    service: str = Field(default="", max_length=20)
    day: str = Field(default="", max_length=10)
    sign_ins: str = Field(default="", max_length=1)
    cause: str = Field(default="", max_length=200)
    seen: str = Field(default="", max_length=300)

    @property
    def address(self) -> str:
        """Where the console shows this."""
        return page_address("/operations/audit", self.model_dump())

    @property
    def places(self) -> list[str]:
        """Where is looked; what happens at the console's own door has no other cause than who is named."""
        places = [self.service] if self.service in _PLACES else list(_PLACES)
        return [place for place in places if place != CONSOLE] if self.cause else places


@dataclass(frozen=True, slots=True)
class Cause:
    """What something was done by, in words, and where all that was done by it is shown."""

    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Trail:
    """A page of the trail, who did not answer, and the address of what is older, if there is anything."""

    rows: list[tuple[str, AuditRow]]
    away: list[str]
    older: str


async def read_trail(caller: Caller, wanted: Wanted, own: list[AuditRow]) -> Trail:
    """Read a page of the trail, of which `own` are the console's rows; raises InvalidError for a day that is none."""
    seen = _seen(wanted.seen)
    since, until = _bounds(wanted.day)
    asked = {
        "actor": wanted.actor.strip() or None, "since": since, "until": until, "cause": wanted.cause.strip() or None,
    }  # fmt: skip
    services = [place for place in wanted.places if place != CONSOLE]
    told = await ask_each(
        services,
        lambda name: caller.get(name, "/staff/audit", AuditRows, limit=_PAGE, before=seen.get(name), **asked),
    )
    found = {**{place: answer.data for place, answer in told.rows}, CONSOLE: own}
    rows = [(place, row) for place, listed in found.items() for row in listed]
    rows.sort(key=lambda pair: pair[1].at, reverse=True)
    shown = rows[:_PAGE]
    is_more = len(rows) > _PAGE or any(len(listed) == _PAGE for listed in found.values())
    seen.update({place: str(row.id) for place, row in shown})
    last = ",".join(f"{place}:{number}" for place, number in seen.items())
    return Trail(shown, told.away, wanted.model_copy(update={"seen": last}).address if is_more else "")


def cause_of(row: AuditRow) -> Cause | None:
    """Give what a row follows from; none when nothing is known of it."""
    if not row.cause:
        return None
    kind, _, rest = row.cause.partition(":")
    work = rest.partition(":")[0].replace("_", " ")
    words = {
        "job": say("by the clock: {work}", work=work),
        "claim": say("by work outside: {work}", work=work),
        "effect": say("by work outside: {work}", work=work),
        "event": say("after event {number}", number=rest[-_TOLD_APART:]),
        "retention": say("because data is kept no longer than it may be"),
    }.get(kind, say("by request {number}", number=row.cause[-_TOLD_APART:]))
    return Cause(words, page_address("/operations/audit", {"cause": row.cause}))


async def list_own(tx: Transaction, wanted: Wanted) -> list[AuditRow]:
    """List what happened at the console's own door; raises InvalidError for a day that is none."""
    if CONSOLE not in wanted.places:
        return []
    before = _seen(wanted.seen).get(CONSOLE)
    since, until = (datetime.fromisoformat(at) if at is not None else None for at in _bounds(wanted.day))
    asked = staff.SignInsWanted(
        wanted.actor.strip() or None, since, until, UUID(before) if before else None, bool(wanted.sign_ins)
    )
    return [AuditRow.model_validate(dict(row)) for row in await staff.list_sign_ins(tx, asked, limit=_PAGE)]


def _seen(said: str) -> dict[str, str]:
    """Read the last rows shown; raises InvalidError when they cannot be."""
    seen = dict(part.partition(":")[::2] for part in said.split(",") if part)
    try:
        for place, last in seen.items():
            _ = UUID(last) if place == CONSOLE else int(last)
    except ValueError:
        raise InvalidError(say("This page of the trail cannot be read: start again at the newest")) from None
    return seen


def _bounds(day: str) -> tuple[str | None, str | None]:
    """Give when a day begins and ends where the console is."""
    if not day:
        return None, None
    try:
        first = date.fromisoformat(day)
        begins = [datetime.combine(one, time(), ZoneInfo(pages().time_zone)) for one in (first, first + timedelta(1))]
    except (ValueError, OverflowError):
        raise InvalidError(say("Day: choose one, like 2026-03-31")) from None
    return begins[0].astimezone(UTC).isoformat(), begins[1].astimezone(UTC).isoformat()

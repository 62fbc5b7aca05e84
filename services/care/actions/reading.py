"""What the staff door shows: cases with all that is needed to decide, lists, and measures."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs
from uuid import UUID

from pydantic import ValidationError

from services.care import schemas
from services.care.actions.basis import limits
from services.care.actions.ledger import PRIORITISED
from services.care.actions.remedies import is_same_person, rank_of, suggestions, touched_units
from services.care.models import Case, Remedy
from services.care.queries import cases as queries
from services.care.queries import facts, incidents, report
from services.care.queries import remedies as remedy_queries
from services.care.queries.cases import ExceptionFilter
from services.care.schemas.offers import Allowance, SuggestionList, SuggestionView
from services.care.schemas.queue import CaseCounts, CaseFilter, CasePage
from services.care.states import ACTIVE_STATES, CaseState, RemedyState
from shared.auth import Principal, Scope
from shared.db import Transaction
from shared.doors import etag
from shared.errors import FieldError, InvalidError
from shared.idempotency import Reply

_FROM_THE_START = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_TO_THE_END = datetime.fromisoformat("2100-01-01T00:00:00+00:00")


async def show_case(tx: Transaction, case_id: UUID, who: Principal) -> Reply:
    """Give a case in full, with its ETag."""
    return await full(tx, await queries.get_case(tx, case_id), who)


async def full(tx: Transaction, case: Case, who: Principal) -> Reply:
    """Give a case in full as an answer with its ETag; suggestions say what `who` may grant."""
    await tx.connection()
    exceptions = await queries.get_case_exceptions(tx, case.id)
    entries = [schemas.EntryView.model_validate(row) for row in await queries.list_entries(tx, case.id)]
    detail = schemas.CaseDetail(
        **(await _view(tx, case)).model_dump(),
        exceptions=[schemas.ExceptionView.model_validate(found) for found in exceptions],
        clocks=[schemas.ClockView.model_validate(row) for row in await queries.list_clocks(tx, case.id)],
        entries=entries,
        priority_because=next((one.detail for one in reversed(entries) if one.act == PRIORITISED), ""),
        remedies=await _remedy_views(tx, await remedy_queries.list_case_remedies(tx, case.id), who),
        suggestions=await _offers(tx, case, who),
        allowance=await _allowance(tx, case.currency, who),
        reports=[
            schemas.ReportView.model_validate(dict(row))
            for row in await facts.list_reports(tx, case.order_id, limit=20)
        ],
        incidents=[
            schemas.CommonCause.model_validate(dict(row)) for row in await incidents.list_incidents_over(tx, case.id)
        ],
        units=[schemas.UnitsView.model_validate(unit) for unit in await touched_units(tx, case)],
    )
    return Reply.of(detail, headers={"etag": etag(case.version)})


async def _view(tx: Transaction, case: Case) -> schemas.CaseView:
    view = schemas.CaseView.model_validate(case)
    named = (await queries.get_names(tx, [case.id])).get(case.id)
    nearest = await queries.get_nearest_clock(tx, case.id)
    return view.model_copy(
        update={
            "order_number": named["order_number"] if named is not None else None,
            "clock": nearest["kind"] if nearest is not None else None,
            "clock_due_at": nearest["due_at"] if nearest is not None else None,
        }
    )


async def _offers(tx: Transaction, case: Case, who: Principal) -> list[SuggestionView]:
    if CaseState(case.state) not in ACTIVE_STATES:
        return []
    mine = await _allowance(tx, case.currency, who)
    return [
        SuggestionView.model_validate(offer).model_copy(
            update={
                "within_your_limit": mine is not None and offer.cost <= mine.most,
                "over_your_day": mine is not None and mine.most < offer.cost <= mine.per_action,
            }
        )
        for offer in await suggestions(tx, case)
    ]


async def _allowance(tx: Transaction, currency: str, who: Principal) -> Allowance | None:
    """Give what somebody may grant today in a currency; none when they may grant nothing."""
    authority = rank_of(who) if Scope.CASE in who.scopes else None
    if authority is None:
        return None
    limit = limits().of(authority, currency)
    spent = await remedy_queries.get_spent(tx, who.actor, authority.value, currency)
    return Allowance(
        currency=currency,
        per_action=limit.per_action,
        per_day=limit.per_day,
        left_today=max(0, limit.per_day - spent),
    )


async def show_suggestions(tx: Transaction, case_id: UUID, who: Principal) -> SuggestionList:
    """Give a case's ranked remedies."""
    return SuggestionList(data=await _offers(tx, await queries.get_case(tx, case_id), who))


async def list_cases(tx: Transaction, wanted: CasePage) -> schemas.CaseList:
    """Give a page of cases; raises InvalidError for a cursor that is none of ours."""
    rows = await queries.list_cases(tx, wanted, after=read_case_cursor(wanted.cursor), limit=wanted.limit)
    data = [schemas.CaseView.model_validate(dict(row)) for row in rows]
    return schemas.CaseList(data=data, next_cursor=_cursor(data[-1]) if len(data) == wanted.limit else None)


async def count_cases(tx: Transaction, views: Sequence[str]) -> CaseCounts:
    """Count the cases of each view; raises InvalidError for a view that cannot be read."""
    return CaseCounts(data=await queries.count_cases(tx, [_read_view(view) for view in views]))


def _read_view(view: str) -> CaseFilter:
    said = parse_qs(view)
    try:
        return CaseFilter.model_validate(
            {name: values if name == "state" else values[-1] for name, values in said.items()}
        )
    except ValidationError:
        error = FieldError("/query/view", "invalid_view", "say it as the list is asked: kind=damage&state=open")
        raise InvalidError("a view cannot be read", errors=(error,)) from None


def _cursor(last: schemas.CaseView) -> str:
    return f"{(last.next_action_due or queries.NO_CLOCK).timestamp():.6f}_{last.id}"


def read_case_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Give where a page of cases starts; raises InvalidError for a cursor that is none of ours."""
    if cursor is None:
        return None
    due, _, case_id = cursor.partition("_")
    try:
        return datetime.fromtimestamp(float(due), UTC), UUID(case_id)
    except (ValueError, OverflowError, OSError):  # the last is what the C library says of a far future
        error = FieldError("/query/cursor", "invalid_cursor", "use next_cursor of the page before")
        raise InvalidError("the cursor cannot be read", errors=(error,)) from None


async def list_exceptions(
    tx: Transaction, wanted: ExceptionFilter, after: UUID | None, limit: int
) -> schemas.ExceptionList:
    """Give a page of exceptions with when they reached each level."""
    rows = await queries.list_exceptions(tx, wanted, after=after, limit=limit)
    levels: dict[UUID, list[schemas.LevelView]] = defaultdict(list)
    for row in await queries.list_levels(tx, [row["id"] for row in rows]):
        levels[row["exception_id"]].append(schemas.LevelView.model_validate(dict(row)))
    data = [
        schemas.ExceptionView.model_validate(
            {**dict(row), "first_promised_by": row["first_deliver_by"], "levels": levels[row["id"]]}
        )
        for row in rows
    ]
    return schemas.ExceptionList(data=data, next_cursor=data[-1].id if len(data) == limit else None)


async def list_remedies(
    tx: Transaction, state: str | None, *, after: UUID | None, limit: int, who: Principal
) -> schemas.RemedyList:
    """Give a page of remedies, those that wait longest first, and which of them `who` may decide."""
    rows = await remedy_queries.list_remedies(tx, state, after=after, limit=limit)
    return schemas.RemedyList(
        data=await _remedy_views(tx, rows, who),
        next_cursor=rows[-1].id if len(rows) == limit else None,
        total=await remedy_queries.count_remedies(tx, state),
    )


async def _remedy_views(tx: Transaction, rows: Sequence[Remedy], who: Principal) -> list[schemas.RemedyView]:
    names = await queries.get_names(tx, [row.case_id for row in rows])
    allowed = {currency: await _allowance(tx, currency, who) for currency in {row.currency for row in rows}}
    return [
        schemas.RemedyView.model_validate(row).model_copy(
            update={
                "case_number": names[row.case_id]["number"],
                "order_number": names[row.case_id]["order_number"],
                "needs": limits().smallest_for(row.cost, row.currency),
                "may_decide": _may_decide(row, allowed[row.currency], who),
            }
        )
        for row in rows
    ]


def _may_decide(remedy: Remedy, mine: Allowance | None, who: Principal) -> bool:
    is_waiting = remedy.state == RemedyState.WAITING_APPROVAL and not is_same_person(remedy.asked_by, who.actor)
    return is_waiting and mine is not None and remedy.cost <= mine.most


async def list_messages(
    tx: Transaction, order_id: UUID | None, state: str | None, limit: int, *, with_words: bool
) -> schemas.MessageList:
    """Give messages, newest first."""
    rows = await remedy_queries.list_messages(tx, order_id, state, limit)
    shown = [schemas.MessageView.model_validate(row) for row in rows]
    return schemas.MessageList(data=shown if with_words else [one.model_copy(update={"body": ""}) for one in shown])


async def list_incidents(tx: Transaction, *, only_open: bool) -> schemas.IncidentList:
    """Give incidents, newest first."""
    rows = await incidents.list_incidents(tx, only_open=only_open)
    counted = await incidents.count_fan_out(tx, [row.id for row in rows])
    return schemas.IncidentList(
        data=[
            schemas.IncidentView.model_validate(row).model_copy(
                update={name: counted[row.id][name] for name in ("cases", "explained")} if row.id in counted else {}
            )
            for row in rows
        ]
    )


async def measure(tx: Transaction, since: datetime | None, until: datetime | None) -> dict[str, object]:
    """Give care's measures."""
    return await report.measure(tx, since or _FROM_THE_START, until or _TO_THE_END)

"""What the staff door shows: cases with all that is needed to decide, lists, and measures."""

from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

from services.care import schemas
from services.care.actions.remedies import suggestions
from services.care.models import Case
from services.care.queries import cases as queries
from services.care.queries import remedies as remedy_queries
from services.care.queries import report
from services.care.queries.cases import CaseFilter, ExceptionFilter
from services.care.states import ACTIVE_STATES, CaseState
from shared.db import Transaction
from shared.doors import etag
from shared.errors import FieldError, InvalidError
from shared.idempotency import Reply

_FROM_THE_START = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_TO_THE_END = datetime.fromisoformat("2100-01-01T00:00:00+00:00")


async def show_case(tx: Transaction, case_id: UUID) -> Reply:
    """Give a case in full, with its ETag."""
    return await full(tx, await queries.get_case(tx, case_id))


async def full(tx: Transaction, case: Case) -> Reply:
    """Give a case in full as an answer with its ETag."""
    await tx.connection()
    exceptions = await queries.get_case_exceptions(tx, case.id)
    detail = schemas.CaseDetail(
        **schemas.CaseView.model_validate(case).model_dump(),
        exceptions=[schemas.ExceptionView.model_validate(found) for found in exceptions],
        clocks=[schemas.ClockView.model_validate(row) for row in await queries.list_clocks(tx, case.id)],
        entries=[schemas.EntryView.model_validate(row) for row in await queries.list_entries(tx, case.id)],
        remedies=[
            schemas.RemedyView.model_validate(row) for row in await remedy_queries.list_case_remedies(tx, case.id)
        ],
        suggestions=await _offers(tx, case),
    )
    return Reply(200, detail.model_dump(mode="json"), {"etag": etag(case.version)})


async def _offers(tx: Transaction, case: Case) -> list[schemas.SuggestionView]:
    if CaseState(case.state) not in ACTIVE_STATES:
        return []
    return [schemas.SuggestionView.model_validate(offer) for offer in await suggestions(tx, case)]


async def show_suggestions(tx: Transaction, case_id: UUID) -> schemas.SuggestionList:
    """Give a case's ranked remedies."""
    return schemas.SuggestionList(data=await _offers(tx, await queries.get_case(tx, case_id)))


async def list_cases(tx: Transaction, wanted: CaseFilter, cursor: str | None, limit: int) -> schemas.CaseList:
    """Give a page of cases; raises InvalidError for a cursor that is none of ours."""
    rows = await queries.list_cases(tx, wanted, after=_place(cursor), limit=limit)
    data = [schemas.CaseView.model_validate(dict(row)) for row in rows]
    return schemas.CaseList(data=data, next_cursor=_cursor(data[-1]) if len(data) == limit else None)


def _cursor(last: schemas.CaseView) -> str:
    return f"{(last.next_action_due or queries.NO_CLOCK).timestamp():.6f}_{last.id}"


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    due, _, case_id = cursor.partition("_")
    try:
        return datetime.fromtimestamp(float(due), UTC), UUID(case_id)
    except (ValueError, OverflowError):
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


async def list_remedies(tx: Transaction, state: str | None, limit: int) -> schemas.RemedyList:
    """Give remedies, those that wait longest first."""
    rows = await remedy_queries.list_remedies(tx, state, limit)
    return schemas.RemedyList(data=[schemas.RemedyView.model_validate(row) for row in rows])


async def list_messages(tx: Transaction, order_id: UUID | None, state: str | None, limit: int) -> schemas.MessageList:
    """Give messages, newest first."""
    rows = await remedy_queries.list_messages(tx, order_id, state, limit)
    return schemas.MessageList(data=[schemas.MessageView.model_validate(row) for row in rows])


async def list_incidents(tx: Transaction, *, only_open: bool) -> schemas.IncidentList:
    """Give incidents, newest first."""
    rows = await queries.list_incidents(tx, only_open=only_open)
    return schemas.IncidentList(data=[schemas.IncidentView.model_validate(row) for row in rows])


async def measure(tx: Transaction, since: datetime | None, until: datetime | None) -> dict[str, object]:
    """Give care's measures."""
    return await report.measure(tx, since or _FROM_THE_START, until or _TO_THE_END)

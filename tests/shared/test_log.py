"""What processes tell those who run them: lines of JSON with allowed fields only, and whether they are ready."""

import json
import subprocess
import sys
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from aiosmtplib import SMTPRecipientRefused
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from deploy.local.stack import LocalStack
from services.shipping.carriers.base import CarrierRejectedError
from shared import tracing
from shared.consumer import EventRouter
from shared.db import Database, Transaction
from shared.doors import Counters, Edge, install_errors
from shared.events.base import Received
from shared.events.orders import OrderCompleted
from shared.http import HttpStatusError, HttpUnavailableError
from shared.log import plainly
from shared.operators import Rest, process_router
from tests.shared.conftest import Plumbing, completed, message
from tests.shared.traffic import Raw, send_raw, until

pytestmark = pytest.mark.security(12)

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "ann.example@secret.example"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
_TALK = """
import logging
import structlog
from shared import log, tracing

log.configure("orders", "api", "INFO")
logger = structlog.get_logger()
with tracing.trace("%s"):
    logger.info("order placed", order_id="o-1", email="ann@example.org", token="t0ken", street="1 Secret Road")
logger.debug("not wanted at this level")
logging.getLogger("library").warning("said %%s", "something")
try:
    street = "1 Secret Road"
    raise ValueError(f"no way to {street}")
except ValueError:
    logger.exception("request failed")
quoting = "a constraint fails\\nDETAIL: Failing row contains (1 Secret Road)"
try:
    raise ValueError(quoting)
except ValueError:
    logger.exception("request refused")
logger.warning("database away", error=quoting)
logging.getLogger("library").warning(quoting)
"""


def _said() -> list[dict[str, Any]]:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _TALK % TRACEPARENT], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_process_logs_one_json_object_a_line_with_allowed_fields_only() -> None:
    placed, library, failed, *_ = _said()
    when = placed.pop("timestamp")
    assert when.endswith("Z")
    assert placed == {
        "event": "order placed", "level": "info", "service": "orders", "role": "api", "order_id": "o-1",
        "trace_id": TRACE,
    }  # fmt: skip
    assert (library["event"], library["level"]) == ("library: said something", "warning")
    assert (failed["exc_type"], failed["error"], failed["level"]) == ("ValueError", "ValueError", "error")
    assert failed["where"].startswith("<string>:")


def test_a_traceback_in_the_log_tells_places_and_no_values() -> None:
    assert "Secret" not in json.dumps(_said())


_CAST = text("select cast(cast(:street as text) as int)")


class Shape(BaseModel):
    """Something with a number in it."""

    number: int


def _invalid() -> Exception:
    try:
        Shape.model_validate({"number": SECRET})
    except ValidationError as error:
        return error
    raise AssertionError


def _constraint() -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new(
        {
            "C": "23505", "M": "duplicate key value", "D": f"Key (email)=({SECRET}) already exists.", "n": "one_email",
            "t": "customer",
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(f"invalid literal: {SECRET!r}"), "ValueError"),
        (KeyError(SECRET), "KeyError"),
        (_invalid(), "ValidationError: /number int_parsing"),
        (_constraint(), "UniqueViolationError 23505 customer one_email"),
        (asyncpg.DataError(f"invalid input for query argument $1: {SECRET!r}"), "DataError 22000"),
        (SMTPRecipientRefused(550, "no such user", SECRET), "SMTPRecipientRefused"),
        (HttpStatusError(422, {"street": SECRET}), "HttpStatusError: HTTP 422"),
        (CarrierRejectedError("ADDRESS.VERIFY.FAILURE", SECRET), "CarrierRejectedError: ADDRESS.VERIFY.FAILURE"),
        (HttpUnavailableError("easypost cannot be reached"), "HttpUnavailableError: easypost cannot be reached"),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: Connection refused"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_in_the_log_says_what_failed_and_not_on_which_value(error: Exception, told: str) -> None:
    said = plainly(error)

    assert said.startswith(told)
    assert SECRET not in said


async def test_an_error_of_the_database_repeats_no_parameter(plumbing: Plumbing) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with plumbing.consuming.transaction() as tx:
            await (await tx.session.connection()).execute(_CAST, {"street": SECRET})

    assert "select cast" in str(failed.value)
    assert SECRET not in str(failed.value).partition("[SQL")[2]
    assert SECRET not in plainly(failed.value)


async def test_an_answer_about_a_fault_of_ours_shows_no_trace_of_it() -> None:
    app = FastAPI()
    install_errors(app)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError(f"at {SECRET}")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Edge(app, service="test", counters=Counters()), raise_app_exceptions=False),
        base_url="http://process",
    ) as client:
        answer = await client.get("/broken", headers={"x-request-id": "r-1"})

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json() == {
        "type": "urn:doorstep:problem:internal", "title": "A fault of ours", "status": 500, "code": "internal",
        "detail": "something failed on our side; it was recorded under this request id", "request_id": "r-1",
    }  # fmt: skip


def test_an_error_is_logged_without_the_values_it_quotes() -> None:
    *_, refused, away, library = _said()
    assert [refused["error"], away["error"]] == ["ValueError", "a constraint fails"]
    assert library["event"] == "library: a constraint fails"


async def test_a_handlers_log_lines_name_its_order_and_continue_its_trace(plumbing: Plumbing) -> None:
    heard: list[tuple[dict[str, Any], str]] = []
    router = EventRouter()

    @router.on(OrderCompleted)
    async def listen(_tx: Transaction, events: list[Received[OrderCompleted]]) -> None:
        if any(event.key == fact.key for event in events):
            heard.append((structlog.contextvars.get_contextvars(), tracing.trace_id()))

    fact = completed()
    sent = message(fact, 1)
    reader = plumbing.consumer("heard", router)
    async with plumbing.running(reader.run()):
        # Alone in its wave, once all that other tests have sent is read.
        await until(reader.consumer.owned_partitions, "it reads")
        for sequence in range(2, 40):
            await send_raw(
                plumbing, Raw(sent.key, sent.value, (*sent.headers, ("ce_traceparent", TRACEPARENT.encode())))
            )
            await until(lambda: bool(heard), "it is heard")
            if heard[-1][0]:
                break
            heard.clear()
            sent = message(fact, sequence)
    fields, trace_id = heard[-1]
    assert fields["order_id"] == fact.key
    assert fields["event_id"] == dict(sent.headers)["ce_id"].decode()
    assert trace_id == TRACE
    assert structlog.contextvars.get_contextvars() == {}


async def _ready(database: Database) -> httpx.Response:
    async def rest(_brief: bool) -> Rest:
        return Rest(at_rest=True, activity=0, next_due=None, why=[])

    app = FastAPI()
    install_errors(app)
    app.include_router(process_router(database, rest))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://process") as client:
        assert (await client.get("/health/live")).status_code == 200
        return await client.get("/health/ready")


async def test_a_process_is_ready_while_its_database_answers(plumbing: Plumbing) -> None:
    assert (await _ready(plumbing.consuming)).status_code == 200


@pytest.mark.parametrize("missing", ["database", "tables"])
async def test_a_process_without_its_database_or_tables_is_alive_and_not_ready(
    bare_stack: LocalStack, missing: str
) -> None:
    nowhere, unmigrated = "postgresql://nobody@127.0.0.1:1/nothing", bare_stack.dsn("shipping")
    database = Database(nowhere if missing == "database" else unmigrated)
    answer = await _ready(database)
    await database.close()
    assert answer.status_code == 503
    assert answer.json() == {"status": "database away or not migrated"}


def test_a_trace_that_is_no_hexadecimal_number_is_not_continued() -> None:
    for header in (f"00-{SECRET:-<32}-b7ad6b7169203331-01", TRACEPARENT.upper(), "x" * len(TRACEPARENT)):
        assert len(header) == len(TRACEPARENT)
        with tracing.trace(header) as context:
            assert tracing.trace_id_of(header) == ""
            assert SECRET not in context
            assert len(tracing.trace_id_of(context)) == 32

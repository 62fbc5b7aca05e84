"""JSON logs: one line an event, with the service, the trace and the order; only allow-listed fields pass."""

import logging
import sys

import asyncpg
import orjson
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from structlog.typing import EventDict, WrappedLogger

from shared import tracing

# What a log line may say. Names, streets, e-mails, phones, tokens and bodies are not among it.
ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "service", "role", "trace_id", "order_id", "request_id", "error", "exc_type",
        "topic", "partition", "offset", "event_id", "event_type", "source", "key", "job", "effect", "method", "route",
        "status", "milliseconds", "reason", "count", "sku", "location", "fulfilment_id", "parcel_id", "shipment_id",
        "carrier", "case_id", "rule", "kind", "remedy_id", "port", "actor", "where", "raw_status", "raw_detail",
        "message_id", "attempts",
    }
)  # fmt: skip
MOST_TEXT = 300
_OURS = ("bench", "cli", "deploy", "services", "shared")


def _allow_listed(_logger: WrappedLogger, _name: str, fields: EventDict) -> EventDict:
    if trace_id := tracing.trace_id():
        fields.setdefault("trace_id", trace_id)
    error = fields.pop("exc_info", None)
    if error:
        info = error if isinstance(error, BaseException) else sys.exc_info()[1]
        fields["exc_type"] = type(info).__name__
        fields.setdefault("error", info)
        fields["where"] = _where(info)
    if isinstance(told := fields.get("error"), BaseException):
        fields["error"] = plainly(told)
    return {name: _first_line(value) for name, value in fields.items() if name in ALLOWED}


def _first_line(value: object) -> object:
    """Cut a text where databases and validators begin to quote the row or field they complain of."""
    return value.partition("\n")[0][:MOST_TEXT] if isinstance(value, str) else value


def plainly(error: BaseException) -> str:
    """Say what failed without the values it failed on, for these may be somebody's name or street.

    An error of ours is told in its words, the database's by code and constraint, of any other only what kind it is.
    """
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error
    name = type(cause or error).__name__
    if isinstance(cause, asyncpg.PostgresError):
        return " ".join(filter(None, (name, cause.sqlstate, cause.table_name, cause.constraint_name)))
    if isinstance(cause, ValidationError):
        places = (f"/{'/'.join(map(str, one['loc']))} {one['type']}" for one in cause.errors(include_input=False))
        return f"{name}: {', '.join(places)}"[:MOST_TEXT]
    if isinstance(cause, OSError) and cause.strerror and not _is_ours(cause):
        return f"{name}: {cause.strerror}"[:MOST_TEXT]
    words = getattr(cause, "without_values", str(cause)) if _is_ours(cause) else ""
    return f"{name}: {words}"[:MOST_TEXT] if words else name


def _is_ours(error: BaseException | None) -> bool:
    return type(error).__module__.partition(".")[0] in _OURS


def _where(error: BaseException | None) -> str:
    """Give the innermost frames as `file:line`, without values."""
    frames: list[str] = []
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(frames[-6:])


def configure(service: str, role: str, level: str) -> None:
    """Send everything, libraries' warnings included, to standard output as JSON lines."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow_listed,
            structlog.processors.JSONRenderer(
                serializer=lambda fields, **_: orjson.dumps(fields, default=str).decode()
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, role=role)
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


class _Forward(logging.Handler):
    """Turns the standard library's records into our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno, f"{record.name}: {record.getMessage()}", **({"exc_info": error} if error else {})
        )

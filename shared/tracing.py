"""The W3C trace context of the work at hand: carried over HTTP, through the outbox and Kafka, and in logs."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_ours: ContextVar[bool] = ContextVar("trace_is_ours", default=False)
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def current_traceparent() -> str | None:
    """Give the trace context of this task, `00-<trace>-<span>-01`, or None."""
    return _traceparent.get()


def trace_id() -> str:
    """Give the 32 hex digits of the current trace, or an empty string."""
    return trace_id_of(_traceparent.get())


def trace_id_of(traceparent: str | None) -> str:
    """Give the 32 hex digits of a trace context, or an empty string when it has none."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found is not None else ""


def is_ours() -> bool:
    """Say whether a timer of ours began this trace: what it does for an order belongs to the order's own."""
    return _is_ours.get()


@contextmanager
def begin() -> Iterator[str]:
    """Begin a trace of our own, because time has come and nobody called."""
    ours = _is_ours.set(True)
    token = _traceparent.set(_child(None))
    try:
        yield _traceparent.get() or ""
    finally:
        _traceparent.reset(token)
        _is_ours.reset(ours)


@contextmanager
def trace(traceparent: str | None) -> Iterator[str]:
    """Continue the trace that arrived, or start one; gives the context to hand on."""
    ours = _is_ours.set(False)
    token = _traceparent.set(_child(traceparent))
    try:
        yield _traceparent.get() or ""
    finally:
        _traceparent.reset(token)
        _is_ours.reset(ours)


def _child(traceparent: str | None) -> str:
    trace_part = trace_id_of(traceparent) or secrets.token_hex(16)
    return f"00-{trace_part}-{secrets.token_hex(8)}-01"

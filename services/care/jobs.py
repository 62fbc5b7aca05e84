"""The clock door: looks that are due, feeds, clocks, dwells, remedies without an answer, messages to send."""

from services.care.actions import casework, detecting, sending, upkeep
from services.care.queries.cases import NEXT_HELD
from services.care.queries.overdue import DWELLINGS
from services.care.queries.remedies import NEXT_MESSAGE
from services.care.settings import settings
from services.care.states import ACTIVE_STATES
from shared import overdue
from shared.db import Transaction
from shared.jobs import Jobs
from shared.retention import Clock, Kept

jobs = Jobs()


# An order's first facts come within moments of one another, and one look at them all tells as much as one at each.
@jobs.timer(next_due="select min(next_check_at) from watch where next_check_at is not null", every_seconds=1.0)
async def evaluate(tx: Transaction) -> int:
    """Apply the rules to orders that are due for a look."""
    return await detecting.evaluate_due(tx, settings().evaluate_batch)


@jobs.timer(next_due="select min(next_check_at) from carrier_feed")
async def watch_feeds(tx: Transaction) -> int:
    """Look at the carriers' feeds."""
    return await detecting.watch_feeds(tx)


@jobs.timer(next_due="select min(alarm_at) from case_clock where alarm_at is not null")
async def ring_clocks(tx: Transaction) -> int:
    """Escalate clocks that are due."""
    return await upkeep.ring_clocks(tx)


@jobs.timer(next_due="select min(dwell_due_at) from care_case where dwell_due_at is not null")
async def end_dwells(tx: Transaction) -> int:
    """Close resolved cases and escalate states that last too long."""
    return await upkeep.end_dwells(tx)


@jobs.timer(next_due="select min(dwell_due_at) from remedy where dwell_due_at is not null")
async def chase_remedies(tx: Transaction) -> int:
    """Escalate remedies without an answer."""
    return await upkeep.chase_remedies(tx)


@jobs.timer(next_due=NEXT_HELD)
async def serve_held(tx: Transaction) -> int:
    """Let playbooks act whose automatic remedies were paused."""
    return await casework.serve_held(tx)


jobs.effect(
    "send_messages",
    next_due=NEXT_MESSAGE,
    claim=sending.claim,
    call=sending.call,
    record=sending.record,
    order_of=lambda letter: letter.order_id,
)

overdue.watch(jobs, DWELLINGS)

_ACTIVE = ", ".join(f"'{state.value}'" for state in sorted(ACTIVE_STATES))
_ENDED = f"not exists (select from care_case c where c.order_id = t.order_id and c.state in ({_ACTIVE}))"

KEPT = (
    Kept(
        "words of messages", "message", "created_at", "message_days", "subject = '', body = ''", "body <> ''",
        Clock.BUSINESS,
    ),
    Kept(
        "words of contacts", "contact", "at", "contact_days", "note = '', ticket = ''", "(note, ticket) <> ('', '')",
        Clock.BUSINESS,
    ),
    Kept("words of reports", "watch_report", "reported_at", "contact_days", "comment = ''", "comment <> ''",
         Clock.BUSINESS),
    Kept("digests of customers", "watch", "placed_at", "contact_days", "customer = ''", "customer <> ''",
         Clock.BUSINESS),
    Kept("notes on cases", "case_entry", "at", "contact_days", "detail = ''", "act = 'noted' and detail <> ''",
         Clock.BUSINESS),
    Kept("keys of messages that left before a restore", "left_message", "at", "contact_days", clock=Clock.BUSINESS),
    Kept("photos", "evidence", "at", "photo_days", only=_ENDED, clock=Clock.BUSINESS),
    Kept("looks at photos", "evidence_view", "at", "access_log_days"),
)  # fmt: skip

"""The clock door: looks that are due, feeds, clocks, dwells, remedies without an answer, messages to send."""

from services.care.actions import casework, detecting, sending, upkeep
from services.care.queries.cases import NEXT_HELD
from services.care.queries.overdue import DWELLINGS
from services.care.queries.remedies import NEXT_MESSAGE
from services.care.settings import settings
from shared import overdue
from shared.db import Transaction
from shared.jobs import Jobs

jobs = Jobs()


@jobs.timer(next_due="select min(next_check_at) from watch where next_check_at is not null")
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

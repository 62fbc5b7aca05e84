"""What care keeps and how it may change: exceptions, dispositions, cases, remedies, messages, incidents, as tables."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from shared.states import Rule, TransitionTable


class ExceptionKind(StrEnum):
    """What breaks, or will break, a promise."""

    PRESHIP_RISK = "preship_risk"
    FULFILMENT_OVERDUE = "fulfilment_overdue"
    NO_FIRST_SCAN = "no_first_scan"
    STALLED = "stalled"
    TRANSIT_RISK = "transit_risk"
    PROMISE_BREACHED = "promise_breached"
    FAILED_ATTEMPT = "failed_attempt"
    DAMAGE = "damage"
    WRONG_ITEM = "wrong_item"
    MISSING_ITEM = "missing_item"
    NOT_RECEIVED = "not_received"
    LOSS_SUSPECTED = "loss_suspected"
    LOST = "lost"
    SHORT_PICK = "short_pick"
    BACKORDER_SLIP = "backorder_slip"
    STUCK_FLOW = "stuck_flow"
    FEED_SILENT = "feed_silent"
    ADDRESS_PROBLEM = "address_problem"
    RETURNED_TO_SENDER = "returned_to_sender"
    DELIVERY_PROBLEM = "delivery_problem"
    VOIDED_LABEL_USED = "voided_label_used"
    CARRIER_HOLD = "carrier_hold"
    UNKNOWN_CODE = "unknown_code"
    NO_CONSENT = "no_consent"


class Level(StrEnum):
    """How sure a rule is."""

    AT_RISK = "at_risk"
    PREDICTED = "predicted"
    SUSPECTED = "suspected"
    BREACHED = "breached"
    CONFIRMED = "confirmed"


class Family(StrEnum):
    """The causes that make one case: at most one open case per order and family."""

    DELIVERY = "delivery"
    CONDITION = "condition"
    STOCK = "stock"
    FLOW = "flow"
    OPERATIONS = "operations"


FAMILY_OF: Mapping[ExceptionKind, Family] = {
    ExceptionKind.PRESHIP_RISK: Family.DELIVERY,
    ExceptionKind.FULFILMENT_OVERDUE: Family.DELIVERY,
    ExceptionKind.NO_FIRST_SCAN: Family.DELIVERY,
    ExceptionKind.STALLED: Family.DELIVERY,
    ExceptionKind.TRANSIT_RISK: Family.DELIVERY,
    ExceptionKind.PROMISE_BREACHED: Family.DELIVERY,
    ExceptionKind.FAILED_ATTEMPT: Family.DELIVERY,
    ExceptionKind.LOSS_SUSPECTED: Family.DELIVERY,
    ExceptionKind.LOST: Family.DELIVERY,
    ExceptionKind.RETURNED_TO_SENDER: Family.DELIVERY,
    ExceptionKind.DELIVERY_PROBLEM: Family.DELIVERY,
    ExceptionKind.ADDRESS_PROBLEM: Family.DELIVERY,
    ExceptionKind.VOIDED_LABEL_USED: Family.DELIVERY,
    ExceptionKind.CARRIER_HOLD: Family.DELIVERY,
    ExceptionKind.UNKNOWN_CODE: Family.DELIVERY,
    ExceptionKind.NO_CONSENT: Family.DELIVERY,
    ExceptionKind.DAMAGE: Family.CONDITION,
    ExceptionKind.WRONG_ITEM: Family.CONDITION,
    ExceptionKind.MISSING_ITEM: Family.CONDITION,
    ExceptionKind.NOT_RECEIVED: Family.DELIVERY,
    ExceptionKind.SHORT_PICK: Family.STOCK,
    ExceptionKind.BACKORDER_SLIP: Family.STOCK,
    ExceptionKind.STUCK_FLOW: Family.FLOW,
    ExceptionKind.FEED_SILENT: Family.OPERATIONS,
}


class Consent(StrEnum):
    """How a customer stands to the date in force."""

    NOT_NEEDED = "not_needed"  # the date is no later than the first one, or the goods have left
    IMPLIED = "implied"  # silence means yes; they may still cancel
    AWAITED = "awaited"  # silence will mean no
    GIVEN = "given"
    EXPIRED = "expired"  # it has meant no


class DispositionKind(StrEnum):
    """What became of an exception; each has exactly one."""

    CASE = "case"
    CLEARED = "cleared"
    INFORMED = "informed"
    SUPPRESSED = "suppressed"
    INCIDENT = "incident"


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_CARRIER = "waiting_carrier"
    WAITING_WAREHOUSE = "waiting_warehouse"
    WAITING_APPROVAL = "waiting_approval"
    RESOLVED = "resolved"
    CLOSED = "closed"
    SELF_HEALED = "self_healed"
    FALSE_POSITIVE = "false_positive"


WAITING_STATES = frozenset(
    {
        CaseState.WAITING_CUSTOMER,
        CaseState.WAITING_CARRIER,
        CaseState.WAITING_WAREHOUSE,
        CaseState.WAITING_APPROVAL,
    }
)
ACTIVE_STATES = WAITING_STATES | {CaseState.OPEN, CaseState.IN_PROGRESS}
"""States in which a case is worked; only one such case per order and family."""
_EXITS = frozenset({CaseState.RESOLVED, CaseState.SELF_HEALED, CaseState.FALSE_POSITIVE})


def _working(itself: CaseState, dwell: timedelta, holder: str, unblock: str) -> Rule[CaseState]:
    return Rule(to=(ACTIVE_STATES | _EXITS) - {itself}, dwell=dwell, holder=holder, unblock=unblock)


CASES = TransitionTable(
    CaseState,
    {
        CaseState.OPEN: _working(CaseState.OPEN, timedelta(days=3), "care", "take the case"),
        CaseState.IN_PROGRESS: _working(CaseState.IN_PROGRESS, timedelta(days=7), "agent", "grant a remedy or resolve"),
        CaseState.WAITING_CUSTOMER: _working(
            CaseState.WAITING_CUSTOMER, timedelta(days=7), "customer", "the customer answers, or decide without"
        ),
        CaseState.WAITING_CARRIER: _working(
            CaseState.WAITING_CARRIER, timedelta(days=10), "carrier", "the carrier answers the trace, or treat as lost"
        ),
        CaseState.WAITING_WAREHOUSE: _working(
            CaseState.WAITING_WAREHOUSE, timedelta(days=3), "warehouse", "the warehouse reports, or escalate"
        ),
        CaseState.WAITING_APPROVAL: _working(
            CaseState.WAITING_APPROVAL, timedelta(days=2), "care_lead", "approve or deny the remedy"
        ),
        CaseState.RESOLVED: Rule(
            to=frozenset({CaseState.IN_PROGRESS, CaseState.CLOSED}),
            dwell=timedelta(days=7),
            holder="care",
            unblock="closes by itself after 7 days, or reopen it before",
        ),
        CaseState.CLOSED: Rule(to=frozenset()),
        CaseState.SELF_HEALED: Rule(to=frozenset()),
        CaseState.FALSE_POSITIVE: Rule(to=frozenset()),
    },
)


class RemedyKind(StrEnum):
    """How a customer is made whole."""

    RESHIP = "reship"
    REFUND = "refund"
    SHIPPING_REFUND = "shipping_refund"
    GOODWILL_CREDIT = "goodwill_credit"
    NEW_PROMISE = "new_promise"
    CANCEL_LINE = "cancel_line"


class RemedyState(StrEnum):
    """Where a remedy stands between care, its approver and the orders service."""

    OBSERVED = "observed"
    WAITING_APPROVAL = "waiting_approval"
    DENIED = "denied"
    GRANTED = "granted"
    EXECUTED = "executed"
    REFUSED = "refused"


REMEDIES = TransitionTable(
    RemedyState,
    {
        RemedyState.OBSERVED: Rule(to=frozenset()),
        RemedyState.WAITING_APPROVAL: Rule(
            to=frozenset({RemedyState.GRANTED, RemedyState.DENIED}),
            dwell=timedelta(days=2),
            holder="care_lead",
            unblock="another person approves within their own limit, or denies",
        ),
        RemedyState.DENIED: Rule(to=frozenset()),
        RemedyState.GRANTED: Rule(
            to=frozenset({RemedyState.EXECUTED, RemedyState.REFUSED}),
            dwell=timedelta(hours=4),
            holder="orders",
            unblock="orders answers remedy_executed or remedy_refused",
        ),
        # Orders takes back a reshipment that was cancelled before it left.
        RemedyState.EXECUTED: Rule(to=frozenset({RemedyState.REFUSED}), rests=True),
        RemedyState.REFUSED: Rule(to=frozenset()),
    },
)


class MessageState(StrEnum):
    """Where a message to a customer stands."""

    PLANNED = "planned"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    OBSERVED = "observed"


MESSAGES = TransitionTable(
    MessageState,
    {
        MessageState.PLANNED: Rule(
            to=frozenset({MessageState.SENT, MessageState.SUPPRESSED, MessageState.FAILED, MessageState.OBSERVED}),
            dwell=timedelta(days=1),
            holder="care",
            unblock="the sender runs, or messages go on after a pause",
        ),
        MessageState.SENT: Rule(to=frozenset()),
        MessageState.SUPPRESSED: Rule(to=frozenset()),
        MessageState.FAILED: Rule(to=frozenset()),
        MessageState.OBSERVED: Rule(to=frozenset()),
    },
)


class IncidentState(StrEnum):
    """Where an operations incident stands."""

    OPEN = "open"
    ENDED = "ended"


INCIDENTS = TransitionTable(
    IncidentState,
    {
        IncidentState.OPEN: Rule(
            to=frozenset({IncidentState.ENDED}),
            dwell=timedelta(days=2),
            holder="operator",
            unblock="the common cause ends, or an operator ends it with a reason",
        ),
        IncidentState.ENDED: Rule(to=frozenset()),
    },
)


class ClockKind(StrEnum):
    """What a case promises its customer, in time."""

    NOTIFY = "notify"
    FIRST_RESPONSE = "first_response"
    UPDATE = "update"
    RESOLVE = "resolve"

"""Detection: every rule of care by name and version, and the one function that applies them to an order."""

from datetime import datetime

from services.care.rules import after_shipping, before_shipping, whole_order
from services.care.rules.facts import Basis, CarrierFeed, OrderFacts
from services.care.rules.finding import Finding, Rule, Verdict, earliest
from services.care.states import ExceptionKind

ORDER_RULES: tuple[Rule[OrderFacts], ...] = (
    Rule("preship_risk", 1, ExceptionKind.PRESHIP_RISK, before_shipping.preship_risk),
    Rule("fulfilment_overdue", 1, ExceptionKind.FULFILMENT_OVERDUE, before_shipping.fulfilment_overdue),
    Rule("short_pick", 1, ExceptionKind.SHORT_PICK, before_shipping.short_pick),
    Rule("backorder_slip", 1, ExceptionKind.BACKORDER_SLIP, before_shipping.backorder_slip),
    Rule("no_first_scan", 1, ExceptionKind.NO_FIRST_SCAN, after_shipping.no_first_scan),
    Rule("stalled", 1, ExceptionKind.STALLED, after_shipping.stalled),
    Rule("transit_risk", 1, ExceptionKind.TRANSIT_RISK, after_shipping.transit_risk),
    Rule("failed_attempt", 1, ExceptionKind.FAILED_ATTEMPT, after_shipping.failed_attempt),
    Rule("damage", 1, ExceptionKind.DAMAGE, after_shipping.damage),
    Rule("reported", 1, ExceptionKind.NOT_RECEIVED, after_shipping.reported),
    Rule("loss", 1, ExceptionKind.LOSS_SUSPECTED, after_shipping.loss),
    Rule("returned", 1, ExceptionKind.RETURNED_TO_SENDER, after_shipping.returned),
    Rule("delivery_problem", 1, ExceptionKind.DELIVERY_PROBLEM, after_shipping.delivery_problem),
    Rule("carrier_hold", 1, ExceptionKind.CARRIER_HOLD, after_shipping.carrier_hold),
    Rule("unknown_code", 1, ExceptionKind.UNKNOWN_CODE, after_shipping.unknown_code),
    Rule("voided_label_used", 1, ExceptionKind.VOIDED_LABEL_USED, after_shipping.voided_label_used),
    Rule("address_problem", 1, ExceptionKind.ADDRESS_PROBLEM, whole_order.address_problem),
    Rule("no_consent", 1, ExceptionKind.NO_CONSENT, whole_order.no_consent),
    Rule("promise_breached", 1, ExceptionKind.PROMISE_BREACHED, whole_order.promise_breached),
    Rule("stuck_flow", 1, ExceptionKind.STUCK_FLOW, whole_order.stuck_flow),
)
FEED_SILENT: Rule[CarrierFeed] = Rule("feed_silent", 1, ExceptionKind.FEED_SILENT, after_shipping.feed_silent)


def evaluate(facts: OrderFacts, now: datetime, basis: Basis) -> Verdict:
    """Apply every rule to an order; an ended order shows nothing any more and needs no further look."""
    findings: list[Finding] = []
    looks: list[datetime | None] = []
    for rule in ORDER_RULES:
        found, again_at = rule.findings(facts, now, basis)
        findings.extend(found)
        looks.append(again_at)
    return Verdict(tuple(findings), earliest(looks, after=now))

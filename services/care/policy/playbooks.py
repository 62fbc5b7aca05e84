"""Playbooks: per exception kind the ranked remedies, which of them act by themselves, and who moves next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.care.policy.authority import Authority, Limits
from services.care.states import CaseState, ExceptionKind, RemedyKind


class CostBasis(StrEnum):
    """What a remedy costs."""

    NOTHING = "nothing"
    UNITS = "units"
    SHIPPING = "shipping"
    GOODWILL = "goodwill"


COST_OF: Mapping[RemedyKind, CostBasis] = {
    RemedyKind.RESHIP: CostBasis.UNITS,
    RemedyKind.REFUND: CostBasis.UNITS,
    RemedyKind.CANCEL_LINE: CostBasis.NOTHING,
    RemedyKind.SHIPPING_REFUND: CostBasis.SHIPPING,
    RemedyKind.GOODWILL_CREDIT: CostBasis.GOODWILL,
    RemedyKind.NEW_PROMISE: CostBasis.NOTHING,
}
"""A cancelled line costs nothing: its authorization is released, or its capture refunded, as ordinary business."""


@dataclass(frozen=True, slots=True)
class Step:
    """One remedy of a playbook; automatic ones act by themselves within the automatic authority."""

    remedy: RemedyKind
    automatic: bool = False
    because: str = ""


@dataclass(frozen=True, slots=True)
class Playbook:
    """Ranked remedies, the next action while none has acted, and the state the case waits in."""

    next_action: str
    steps: tuple[Step, ...] = ()
    waits_in: CaseState = CaseState.OPEN


_NEW_DATE = Step(RemedyKind.NEW_PROMISE, automatic=True, because="tell the new date before the customer asks")
_SORRY = Step(RemedyKind.GOODWILL_CREDIT, because="an apology for the broken promise")
_RESHIP = Step(RemedyKind.RESHIP, automatic=True, because="the customer has no usable goods")
_SEND_AGAIN = Step(RemedyKind.RESHIP, because="once it is clear what is owed")
_REFUND = Step(RemedyKind.REFUND, because="when nothing is left to send, or the customer prefers it")

PLAYBOOKS: Mapping[ExceptionKind, Playbook] = {
    ExceptionKind.PRESHIP_RISK: Playbook("revise the promise", (_NEW_DATE, Step(RemedyKind.CANCEL_LINE))),
    ExceptionKind.TRANSIT_RISK: Playbook("revise the promise", (_NEW_DATE, _SORRY)),
    ExceptionKind.BACKORDER_SLIP: Playbook("revise the promise", (_NEW_DATE, Step(RemedyKind.CANCEL_LINE))),
    ExceptionKind.FULFILMENT_OVERDUE: Playbook(
        "get the order handed over", (Step(RemedyKind.NEW_PROMISE), _SORRY), CaseState.WAITING_WAREHOUSE
    ),
    ExceptionKind.PROMISE_BREACHED: Playbook(
        "tell the customer a new date", (_NEW_DATE, Step(RemedyKind.SHIPPING_REFUND), _SORRY)
    ),
    ExceptionKind.NO_FIRST_SCAN: Playbook(
        "look on the dock, then trace the parcel", (Step(RemedyKind.NEW_PROMISE), Step(RemedyKind.RESHIP))
    ),
    ExceptionKind.STALLED: Playbook(
        "trace the parcel", (Step(RemedyKind.NEW_PROMISE), _SORRY), CaseState.WAITING_CARRIER
    ),
    ExceptionKind.LOSS_SUSPECTED: Playbook(
        "trace the parcel", (Step(RemedyKind.RESHIP), _REFUND), CaseState.WAITING_CARRIER
    ),
    ExceptionKind.LOST: Playbook("reship or refund", (_RESHIP, _REFUND)),
    ExceptionKind.DAMAGE: Playbook("reship or refund, ask for a photo", (_RESHIP, _REFUND, _SORRY)),
    ExceptionKind.WRONG_ITEM: Playbook("send the right item, arrange the return", (_SEND_AGAIN, _REFUND, _SORRY)),
    ExceptionKind.MISSING_ITEM: Playbook(
        "compare what was packed with what is missing, then send it", (_SEND_AGAIN, _REFUND, _SORRY)
    ),
    ExceptionKind.NOT_RECEIVED: Playbook(
        "check the address, proof of delivery, safe place and neighbours; wait 24 hours, then trace",
        (_SEND_AGAIN, _REFUND),
    ),
    ExceptionKind.SHORT_PICK: Playbook(
        "let the customer choose: wait or cancel", (Step(RemedyKind.NEW_PROMISE), Step(RemedyKind.CANCEL_LINE), _SORRY)
    ),
    ExceptionKind.FAILED_ATTEMPT: Playbook(
        "agree on a delivery with the customer", (Step(RemedyKind.NEW_PROMISE), Step(RemedyKind.RESHIP), _REFUND)
    ),
    ExceptionKind.RETURNED_TO_SENDER: Playbook("reship or refund", (Step(RemedyKind.RESHIP), _REFUND)),
    ExceptionKind.DELIVERY_PROBLEM: Playbook("ask the carrier", (Step(RemedyKind.RESHIP), _REFUND)),
    ExceptionKind.ADDRESS_PROBLEM: Playbook("mend the address with the customer"),
    ExceptionKind.VOIDED_LABEL_USED: Playbook(
        "find out which parcel left, and whether its order still wants it",
        (Step(RemedyKind.NEW_PROMISE),),
        CaseState.WAITING_WAREHOUSE,
    ),
    ExceptionKind.CARRIER_HOLD: Playbook(
        "ask the carrier what it holds the parcel for, and give it that",
        (Step(RemedyKind.NEW_PROMISE), Step(RemedyKind.RESHIP), _REFUND),
    ),
    ExceptionKind.UNKNOWN_CODE: Playbook(
        "read on the carrier's page what its code means, and have the code mapped", (Step(RemedyKind.NEW_PROMISE),)
    ),
    ExceptionKind.NO_CONSENT: Playbook(
        "cancel what was not sent",
        (Step(RemedyKind.CANCEL_LINE, automatic=True, because="nobody agreed to the new date in time"),),
    ),
    ExceptionKind.STUCK_FLOW: Playbook("unblock the step", (Step(RemedyKind.NEW_PROMISE),)),
    ExceptionKind.FEED_SILENT: Playbook("ask the carrier about its feed"),
}

GOODWILL_PERCENT = 5
GOODWILL_MOST = 10_00
"""Goodwill has its own limit: 5 % of the order, at most ten."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What an order and the touched units are worth, in minor units; shipping is an estimate."""

    order_value: int
    units: int
    all_units: int
    shipping: int
    currency: str

    @property
    def units_value(self) -> int:
        """Give the touched units' share of the order's value, rounded up."""
        return -(-self.order_value * self.units // max(1, self.all_units))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A remedy with what it costs and who may grant it."""

    remedy: RemedyKind
    cost: int
    currency: str
    authority: Authority | None
    automatic: bool
    because: str


def cost_of(remedy: RemedyKind, stake: Stake) -> int:
    """Price a remedy in minor units."""
    prices = {
        CostBasis.NOTHING: 0,
        CostBasis.UNITS: stake.units_value,
        CostBasis.SHIPPING: stake.shipping,
        CostBasis.GOODWILL: min(GOODWILL_MOST, -(-stake.order_value * GOODWILL_PERCENT // 100)),
    }
    return prices[COST_OF[remedy]]


def suggest(kind: ExceptionKind, stake: Stake, limits: Limits) -> list[Suggestion]:
    """Fill a kind's playbook with the facts: remedies in rank order with cost and authority."""
    suggestions: list[Suggestion] = []
    for step in PLAYBOOKS[kind].steps:
        cost = cost_of(step.remedy, stake)
        authority = limits.smallest_for(cost, stake.currency)
        suggestions.append(
            Suggestion(
                remedy=step.remedy,
                cost=cost,
                currency=stake.currency,
                authority=authority,
                automatic=step.automatic and authority is Authority.AUTOMATIC,
                because=step.because,
            )
        )
    return suggestions

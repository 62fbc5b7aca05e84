"""The wish to forget a customer: it waits while anything of the order is open, then it is done for good."""

from datetime import timedelta
from enum import StrEnum

from shared.states import Rule, TransitionTable


class ErasureState(StrEnum):
    """Where an erasure stands."""

    WAITING = "waiting"
    ERASED = "erased"


ERASURE = TransitionTable(
    ErasureState,
    {
        ErasureState.WAITING: Rule(
            to=frozenset({ErasureState.ERASED}),
            dwell=timedelta(days=30),  # GDPR, article 12: within a month
            holder="support",
            unblock="end what the erasure waits for: the order, a refund, a remedy or a case",
        ),
        ErasureState.ERASED: Rule(to=frozenset()),
    },
)

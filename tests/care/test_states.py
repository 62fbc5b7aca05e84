"""Care's states: every pair of every table, and that messages move by theirs."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest

from services.care.actions.messages import move_message
from services.care.models import Message
from services.care.states import CASES, INCIDENTS, MESSAGES, REMEDIES, MessageState
from shared import clock
from shared.errors import IllegalMoveError
from shared.ids import new_id
from shared.states import TransitionTable

TABLES: list[TransitionTable[Any]] = [CASES, REMEDIES, MESSAGES, INCIDENTS]
_ENDS = "resolved self_healed merged false_positive"
LEGAL = {
    "CaseState": f"""
        open: in_progress waiting_customer waiting_carrier waiting_warehouse waiting_approval {_ENDS}
        in_progress: open waiting_customer waiting_carrier waiting_warehouse waiting_approval {_ENDS}
        waiting_customer: open in_progress waiting_carrier waiting_warehouse waiting_approval {_ENDS}
        waiting_carrier: open in_progress waiting_customer waiting_warehouse waiting_approval {_ENDS}
        waiting_warehouse: open in_progress waiting_customer waiting_carrier waiting_approval {_ENDS}
        waiting_approval: open in_progress waiting_customer waiting_carrier waiting_warehouse {_ENDS}
        resolved: in_progress closed
    """,
    "RemedyState": """
        waiting_approval: denied granted
        granted: executed refused
        executed: refused
    """,
    "MessageState": "planned: sent suppressed failed observed",
    "IncidentState": "open: ended",
}


def _pairs() -> list[Any]:
    return [
        pytest.param(table, old, new, id=f"{table.states.__name__}:{old}-{new}")
        for table in TABLES
        for old in table.states
        for new in table.states
    ]


def _legal(states: type[StrEnum]) -> set[tuple[str, str]]:
    rows = [row.strip().partition(":") for row in LEGAL[states.__name__].splitlines() if row.strip()]
    return {(old, new) for old, _, moves in rows for new in moves.split()}


@pytest.mark.parametrize(("table", "old", "new"), _pairs())
def test_a_move_is_legal_only_where_the_table_says_so(table: TransitionTable[Any], old: StrEnum, new: StrEnum) -> None:
    if (old.value, new.value) in _legal(table.states):
        assert table.advance([(old, new)]) == [new]
    else:
        with pytest.raises(IllegalMoveError):
            table.check(old, new)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.states.__name__)
def test_every_state_that_must_not_last_says_how_long_who_holds_it_and_what_unblocks_it(
    table: TransitionTable[Any],
) -> None:
    for state in table.non_terminal():
        rule = table.rules[state]
        assert rule.dwell is not None
        assert rule.dwell > timedelta(0)
        assert rule.holder
        assert rule.unblock


@pytest.mark.parametrize("new", list(MessageState))
@pytest.mark.parametrize("old", list(MessageState))
def test_a_message_is_moved_only_where_its_table_allows(old: MessageState, new: MessageState) -> None:
    message = Message(
        id=new_id(), order_id=new_id(), storefront_id=new_id(), topic="delayed", state_told="late", promise_revision=1,
        priority="p3", channel="email", state=old.value, facts={}, created_at=clock.now(),
    )  # fmt: skip
    if (old.value, new.value) in _legal(MessageState):
        move_message(message, new)
        assert message.state == new.value
    else:
        with pytest.raises(IllegalMoveError):
            move_message(message, new)
        assert message.state == old.value

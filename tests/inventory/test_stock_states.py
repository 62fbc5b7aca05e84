"""The states of reservations and inbounds: every pair of both tables."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest

from services.inventory.states.stock import INBOUNDS, RESERVATIONS
from shared.errors import IllegalMoveError
from shared.states import TransitionTable

TABLES: list[TransitionTable[Any]] = [RESERVATIONS, INBOUNDS]
LEGAL = {
    "ReservationState": """
        requested: soft_reserved allocated backordered released
        soft_reserved: allocated reallocating expired released
        allocated: reallocating consumed released
        backordered: soft_reserved allocated expired released
        reallocating: soft_reserved allocated backordered released
        expired: requested released
    """,
    "InboundState": """
        announced: arrived receiving closed
        arrived: receiving closed
        receiving: closed
    """,
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

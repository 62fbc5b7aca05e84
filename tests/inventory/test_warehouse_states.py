"""The warehouse's states: every pair of every table, and states derived from where the units are."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from services.inventory.states import warehouse
from services.inventory.states.warehouse import (
    FULFILMENT,
    PARCEL,
    PICK_LIST,
    PICK_TASK,
    SHORTFALL,
    FulfilmentFacts,
    TaskCounts,
    fulfilment_state,
    task_state,
)
from shared.errors import IllegalMoveError
from shared.states import TransitionTable

TABLES: list[TransitionTable[Any]] = [FULFILMENT, PICK_LIST, PICK_TASK, PARCEL, SHORTFALL]
LEGAL = {
    "FulfilmentState": """
        open: in_progress on_hold incomplete cancel_requested cancelled
        in_progress: packed handed_over on_hold incomplete cancel_requested cancelled
        packed: in_progress handed_over on_hold incomplete cancel_requested cancelled
        on_hold: open in_progress packed handed_over incomplete cancel_requested cancelled
        incomplete: open in_progress packed handed_over on_hold cancel_requested cancelled
        cancel_requested: in_progress packed handed_over on_hold incomplete cancelled
    """,
    "ListState": "planned: assigned done\nassigned: picking planned done\npicking: planned done",
    "TaskState": """
        released: assigned picked short_picked packed handed_over put_back cancelled
        assigned: released picked short_picked packed handed_over put_back cancelled
        picked: released assigned short_picked packed handed_over put_back cancelled
        short_picked: released assigned picked packed handed_over put_back cancelled
        packed: picked short_picked handed_over
    """,
    "ParcelState": """
        open: verified discarded
        verified: open closed discarded
        closed: labelled open handed_over
        labelled: staged handed_over closed
        staged: handed_over closed
    """,
    "ShortfallState": "open: healed cancelled",
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
    since = datetime(2026, 11, 2, 8, tzinfo=UTC)
    for state in table.non_terminal():
        progress = table.progress(state, since)
        assert progress.holder
        assert progress.unblock
        assert progress.due_at is not None
        assert progress.due_at > since


def test_a_list_without_a_scan_is_due_after_half_an_hour() -> None:
    since = datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert PICK_LIST.due_at(warehouse.ListState.PICKING, since) == since + timedelta(minutes=30)


def _task(**changes: int | bool) -> TaskCounts:
    plain: dict[str, Any] = {
        "live": 3, "unpicked": 0, "packed": 0, "handed_over": 0, "lost": 0, "put_back": 0, "listed": True,
    }  # fmt: skip
    return TaskCounts(**{**plain, **changes})


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        (_task(unpicked=3, listed=False), "released"),
        (_task(unpicked=1), "assigned"),
        (_task(), "picked"),
        (_task(lost=1), "short_picked"),
        (_task(packed=3), "packed"),
        (_task(packed=3, handed_over=3), "handed_over"),
        (_task(live=0, put_back=2), "put_back"),
        (_task(live=0, lost=3), "cancelled"),
    ],
)
def test_a_task_stands_where_its_units_are(counts: TaskCounts, state: str) -> None:
    assert task_state(counts) == state


def _facts(**changes: int | bool) -> FulfilmentFacts:
    plain: dict[str, Any] = {
        "live": 3, "packed": 0, "handed_over": 0, "put_back_due": 0, "missing": 0, "waits": True, "held": False,
        "started": True,
    }  # fmt: skip
    return FulfilmentFacts(**{**plain, **changes})


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (_facts(started=False), "open"),
        (_facts(), "in_progress"),
        (_facts(packed=3), "packed"),
        (_facts(packed=3, handed_over=3), "handed_over"),
        (_facts(held=True), "on_hold"),
        (_facts(held=True, packed=3, handed_over=3), "handed_over"),
        (_facts(put_back_due=1), "cancel_requested"),
        (_facts(held=True, put_back_due=1), "on_hold"),
        (_facts(missing=1), "incomplete"),
        (_facts(missing=1, packed=3), "incomplete"),
        (_facts(missing=1, packed=3, waits=False), "packed"),
        (_facts(missing=1, packed=3, handed_over=3, waits=False), "handed_over"),
        (_facts(missing=1, live=0), "incomplete"),
        (_facts(live=0), "cancelled"),
    ],
)
def test_a_fulfilment_order_stands_where_its_units_are(facts: FulfilmentFacts, state: str) -> None:
    assert fulfilment_state(facts) == state

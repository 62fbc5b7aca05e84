"""State machines as tables: which moves are legal, how long a state may last, and what unblocks it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from shared.errors import IllegalMoveError
from shared.events.base import Progress

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Rule(Generic[S]):
    """One state's row: where it may go, its maximum dwell (None: terminal), who holds it, what unblocks it.

    What `rests` may be left and need not be: it lasts as long as it does.
    """

    to: frozenset[S]
    dwell: timedelta | None = None
    holder: str = ""
    unblock: str = ""
    rests: bool = False


class TransitionTable(Generic[S]):
    """All states of one aggregate; building it proves that every state has a row and every non-terminal a dwell."""

    def __init__(self, states: type[S], rules: Mapping[S, Rule[S]]) -> None:
        missing = [state for state in states if state not in rules]
        if missing:
            raise ValueError(f"{states.__name__}: no row for {', '.join(missing)}")
        for state, rule in rules.items():
            if rule.to and rule.dwell is None and not rule.rests:
                raise ValueError(f"{states.__name__}.{state}: a non-terminal state needs a maximum dwell")
        self.states = states
        self.rules = dict(rules)

    def allows(self, old: S, new: S) -> bool:
        """Say whether `old` may become `new`."""
        return new in self.rules[old].to

    def check(self, old: S, new: S) -> None:
        """Raise IllegalMoveError unless `old` may become `new`."""
        if not self.allows(old, new):
            raise IllegalMoveError(f"{self.states.__name__} cannot move from {old} to {new}")

    def advance(self, moves: Iterable[tuple[S, S]]) -> list[S]:
        """Validate a list of (old, new) moves; return the new states in the same order."""
        checked: list[S] = []
        for old, new in moves:
            self.check(old, new)
            checked.append(new)
        return checked

    def is_terminal(self, state: S) -> bool:
        """Say whether nothing follows `state`."""
        return not self.rules[state].to

    def must_move(self, state: S) -> bool:
        """Say whether `state` must not last: it is neither the end nor one that rests."""
        return not self.is_terminal(state) and not self.rules[state].rests

    def non_terminal(self) -> list[S]:
        """List the states that must not last."""
        return [state for state in self.states if self.must_move(state)]

    def due_at(self, state: S, since: datetime) -> datetime | None:
        """When the maximum dwell of `state` ends; None for a terminal state."""
        dwell = self.rules[state].dwell
        return since + dwell if dwell is not None and not self.is_terminal(state) else None

    def progress(self, state: S, since: datetime, *, due_at: datetime | None = None) -> Progress:
        """Describe `state` for explain and for the stuck-flow rule."""
        rule = self.rules[state]
        return Progress(
            step=str(state),
            holder=rule.holder,
            since=since,
            due_at=due_at or self.due_at(state, since),
            unblock=rule.unblock,
        )

"""What every fault cost: one line per fault test, printed as a table at the end of `make faults`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cli.check.findings import Finding
from shared import clock

# Which column a violated invariant of the domain (docs/architecture.md) counts in.
_COLUMN_OF = {
    1: "lost",
    2: "oversold",
    3: "stuck",
    4: "doubled",
    5: "doubled",
    6: "doubled",
    7: "out_of_order",
    8: "stuck",
}


@dataclass(slots=True)
class Outcome:
    """What was counted when the suite had come to rest after one fault.

    `seconds` is how long that took since the fault had healed, or since the load had ended where nothing had to heal.
    """

    fault: str
    injected: str
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    oversold: int = 0
    out_of_order: int = 0
    stuck: int = 0
    seconds: float = 0.0
    first_answer: float | None = None
    """Seconds from there to the first acknowledgement, where there was load."""
    _healed_at: float | None = None

    def healed(self) -> None:
        """Note that the fault is over: what is down begins to start, what was frozen wakes."""
        self._healed_at, self.first_answer = clock.monotonic(), None

    def answered(self) -> None:
        """Note that somebody was acknowledged."""
        if self._healed_at is not None and self.first_answer is None:
            self.first_answer = clock.monotonic() - self._healed_at

    def rested(self, load_ended_at: float) -> None:
        """Note that everything is done: after the first acknowledgement, since the load has ended before."""
        began = self._healed_at if self._healed_at is not None else load_ended_at
        self.seconds = clock.monotonic() - began

    def blame(self, findings: Sequence[Finding]) -> None:
        """Count violated invariants where they belong."""
        for finding in findings:
            column = _COLUMN_OF[finding.invariant]
            setattr(self, column, getattr(self, column) + 1)

    @property
    def number(self) -> int:
        """Give the fault's number, to sort by; those without one come last."""
        return int(self.fault[1:]) if self.fault != "-" else 999

    def enter(self, findings: Sequence[str] = ()) -> None:
        """Put this line into the table, and hold the zeros to be zeros."""
        LEDGER.append(self)
        assert not any([*self.harm.values(), *findings]), "\n".join([str(self), *findings])

    @property
    def harm(self) -> dict[str, int]:
        """Give the columns that must be zero."""
        return {name: getattr(self, name) for name in ("lost", "doubled", "oversold", "out_of_order", "stuck")}


LEDGER: list[Outcome] = []
NOT_PROVED: dict[str, str] = {}
"""Why a fault could not be tried on this machine."""
_PROMISED = tuple(f"F{number}" for number in range(1, 25))
# Not every machine lets its user mount a small disk.
_ASKS_MUCH = frozenset({"F22"})


def lacking(tried: Collection[str], not_proved: Collection[str]) -> list[str]:
    """Name the promised faults that were not tried, but for those that say why this machine cannot."""
    excused = _ASKS_MUCH.intersection(not_proved)
    return [fault for fault in _PROMISED if fault not in tried and fault not in excused]


def outcome_of(test: str, told: str | None) -> Outcome:
    """Open the line of a test: its docstring begins with the fault's number, `F9: ...`; its name says the rest."""
    number = (told or "").strip().partition(":")[0]
    name, _, parameters = test.removeprefix("test_").partition("[")
    injected = name.replace("_", " ") + (f" ({parameters.removesuffix(']')})" if parameters else "")
    return Outcome(number if number.startswith("F") and number[1:].isdigit() else "-", injected)


def table(lines: Sequence[Outcome]) -> list[str]:
    """Give the table as text; a test whose suite never came to rest has no line."""
    heads = ["fault", "acknowledged", *Outcome("", "").harm, "first answer", "seconds"]
    text = ["  ".join(f"{head.replace('_', ' '):>12}" for head in heads) + "  injected"]
    for line in lines:
        first = "-" if line.first_answer is None else f"{line.first_answer:.1f}"
        cells = [line.fault, line.acknowledged, *line.harm.values(), first, f"{line.seconds:.1f}"]
        text.append("  ".join(f"{cell!s:>12}" for cell in cells) + f"  {line.injected}")
    acknowledged = sum(line.acknowledged for line in lines)
    harmed = sum(sum(line.harm.values()) for line in lines)
    return [*text, f"{len(lines)} faults, {acknowledged} operations acknowledged, {harmed} lost, doubled or stuck"]

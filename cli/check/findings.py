"""What a check gives: findings, each naming the invariant, the thing and the first fact that diverges."""

from dataclasses import asdict, dataclass, field

# The invariants of the domain, as docs/architecture.md numbers them.
INVARIANTS = {
    1: "every accepted order exists exactly once",
    2: "stock is never oversold and equals its ledger and its reservations",
    3: "the buckets of a line add up and agree with inventory's and shipping's records",
    4: "no unit is picked or shipped twice, no cancelled unit ships, one live label per parcel",
    5: "every exception has one disposition, one open case per order and cause",
    6: "every remedy takes effect exactly once",
    7: "every event is published and applied exactly once by each consumer",
    8: "nothing stays past its dwell without an escalation",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """An event by its stream, type and sequence, and by topic, partition and offset once it is published.

    `stream` is for people, `key` is the stream's own: an order's or a SKU's id.
    In stock, a row of the ledger by its document, act and id.
    """

    stream: str
    type: str
    sequence: int
    at: str = ""
    topic: str = ""
    partition: int | None = None
    offset: int | None = None
    key: str = ""

    def __str__(self) -> str:
        """Name it in a few words."""
        when = f" of {self.at}" if self.at else ""
        where = f" at {self.topic}[{self.partition}]@{self.offset}" if self.partition is not None else ""
        return f"{self.stream}, {self.type} #{self.sequence}{when}{where}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation; `first_fact` is the first event or ledger row at which the records part."""

    invariant: int
    subject: str
    detail: str
    first_fact: Fact

    def __str__(self) -> str:
        """Say it in one line."""
        rule = f"invariant {self.invariant} ({INVARIANTS[self.invariant]})"
        return f"{rule}: {self.subject}: {self.detail}; first divergent fact: {self.first_fact}"


@dataclass(slots=True)
class Report:
    """The outcome of one check."""

    findings: list[Finding] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether no invariant is violated; unsettled orders are no violation."""
        return not self.findings

    def as_json(self) -> dict[str, object]:
        """Give all of it as JSON values."""
        return {
            "clean": self.is_clean,
            "findings": [
                {**asdict(finding), "invariant_text": INVARIANTS[finding.invariant]} for finding in self.findings
            ],
            "checked": self.checked,
            "unsettled": self.unsettled,
        }

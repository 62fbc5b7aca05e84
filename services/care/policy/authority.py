"""Who may spend how much to make a customer whole, per action and per day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Authority(StrEnum):
    """Ranks of decision; each may approve within its own limit."""

    AUTOMATIC = "automatic"
    AGENT = "agent"
    SENIOR = "senior"
    LEAD = "lead"


@dataclass(frozen=True, slots=True)
class Limit:
    """Minor units of one currency."""

    per_action: int
    per_day: int


DEFAULT_LIMITS: Mapping[Authority, Limit] = {
    Authority.AUTOMATIC: Limit(15_00, 1_500_00),
    Authority.AGENT: Limit(50_00, 500_00),
    Authority.SENIOR: Limit(200_00, 2_000_00),
    Authority.LEAD: Limit(500_00, 5_000_00),
}

AUTHORITY_OF_ROLE: Mapping[str, Authority] = {
    "service": Authority.AUTOMATIC,
    "support": Authority.AGENT,
    "care": Authority.AGENT,
    "care_lead": Authority.LEAD,
    "admin": Authority.LEAD,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per authority, for currencies that need their own numbers by currency."""

    default: Mapping[Authority, Limit] = field(default_factory=lambda: DEFAULT_LIMITS)
    by_currency: Mapping[str, Mapping[Authority, Limit]] = field(default_factory=dict)

    def of(self, authority: Authority, currency: str) -> Limit:
        """Give the limit of an authority in a currency."""
        return self.by_currency.get(currency, self.default)[authority]

    def most(self, currency: str) -> int:
        """Give the most that anybody may grant in one action."""
        return max(self.of(rank, currency).per_action for rank in Authority)

    def smallest_for(self, amount: int, currency: str) -> Authority | None:
        """Give the lowest authority that may grant this amount in one action; none when nobody may."""
        return next((rank for rank in Authority if amount <= self.of(rank, currency).per_action), None)


def authority_of(roles: frozenset[str]) -> Authority | None:
    """Give the highest authority of a person's roles; none when no role may grant anything."""
    ranks = list(Authority)
    held = [AUTHORITY_OF_ROLE[role] for role in roles if role in AUTHORITY_OF_ROLE]
    return max(held, key=ranks.index, default=None)

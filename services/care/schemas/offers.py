"""What may be granted for a case, and how much of it by whoever asks."""

from pydantic import Field

from shared.doors import Answer


class SuggestionView(Answer):
    """A ranked remedy with what it costs and who may grant it."""

    remedy: str
    cost: int
    currency: str
    authority: str | None
    automatic: bool
    because: str
    within_your_limit: bool = Field(
        default=False, description="the caller may grant it at once, by action and by what is left of their day"
    )
    over_your_day: bool = Field(
        default=False, description="it fits the caller's limit per action, but no more what is left of their day"
    )


class Allowance(Answer):
    """What the caller may grant in a currency, in minor units; a day is one of UTC."""

    currency: str
    per_action: int
    per_day: int
    left_today: int

    @property
    def most(self) -> int:
        """The most that may be granted in one action now."""
        return min(self.per_action, self.left_today)


class SuggestionList(Answer):
    """Ranked remedies."""

    data: list[SuggestionView]

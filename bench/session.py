"""One run: how long its cells last, the shop they use, and what earlier cells found."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bench import denominators
from bench.load import Load, Wish, place_orders
from bench.rig import Rig
from bench.shop import Shop


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    name: str
    cells: int
    limit_seconds: float
    load_seconds: float
    whole_way_seconds: float
    reservations: int
    latency_seconds: float
    history: int
    demo_orders: int


QUICK = Plan("quick", 2, 2, 3, 2, 3_000, 5, 30_000, 30)
FULL = Plan("full", 4, 10, 10, 15, 20_000, 40, 1_000_000, 600)


@dataclass(slots=True)
class Session:
    """What the measurements share."""

    rig: Rig
    shop: Shop
    plan: Plan
    say: Callable[[str], None]
    limits: dict[str, list[float]] = field(default_factory=dict)
    empty: dict[str, list[float]] = field(default_factory=dict)
    history: int = 0

    async def limit(self, name: str) -> float:
        """Measure a denominator now."""
        rate = await denominators.measure(self.rig, name, self.plan.limit_seconds)
        self.limits.setdefault(name, []).append(rate)
        self.say(f"  limit ({name}) {rate:,.0f}/s")
        return rate

    async def load(self, addresses: list[str], seconds: float | None = None) -> Load:
        """Place orders at 8 clients, as many as they can."""
        return await place_orders(self.shop, addresses, Wish(seconds or self.plan.load_seconds))

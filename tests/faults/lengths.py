"""How long faults last and how much goes through them: shortened unless `--full` asks for RELIABILITY's lengths."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lengths:
    """Seconds and counts of the faults that have a length."""

    broker_seconds: float = 10.0  # F6
    storm_seconds: float = 20.0  # F11
    last_units_orders: int = 200  # F13
    carrier_seconds: float = 12.0  # F17, longer than we wait
    open_seconds: float = 30.0  # F21
    batch_events: int = 4_000  # F21


SHORT = Lengths()
FULL = Lengths(
    broker_seconds=60.0,
    storm_seconds=120.0,
    last_units_orders=500,
    carrier_seconds=30.0,
    open_seconds=300.0,
    batch_events=10_000,
)

"""Every number of the detection rules, with its default; settings may replace any of them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Defaults of CARE: shares are between 0 and 1."""

    at_risk_chance: float = 0.2
    """A chance of lateness above this is the same as: the p80 lies past the promise."""
    predicted_chance: float = 0.5
    """The same for p50."""
    first_scan_days: int = 1
    first_scan_with_siblings: timedelta = timedelta(hours=12)
    siblings_scanned: float = 0.9
    stalled_floor_days_domestic: int = 3
    stalled_floor_days_international: int = 5
    loss_suspected_domestic: timedelta = timedelta(days=7)
    loss_suspected_international: timedelta = timedelta(days=20)
    loss_past_estimate: timedelta = timedelta(hours=48)
    lost_domestic: timedelta = timedelta(days=21)
    """Without a scan for so long a parcel counts as lost, though its carrier has not said so."""
    lost_international: timedelta = timedelta(days=40)
    pickup_warning: timedelta = timedelta(hours=48)
    attempts_for_case: int = 2
    seconds_per_queued_order: int = 90
    feed_silent_parcels: int = 20
    """Below so many parcels underway a carrier's silence says nothing."""
    feed_silent_floor: timedelta = timedelta(hours=6)
    recheck: timedelta = timedelta(hours=24)
    """The longest time between two looks at a risk that grows with time."""

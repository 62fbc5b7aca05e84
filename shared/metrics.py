"""Prometheus metrics of the plumbing; a service adds its own beside its actions."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_SECONDS = Histogram(
    "doorstep_http_request_seconds",
    "Time to answer by route and status",
    ["service", "method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
EVENTS_PUBLISHED = Counter("doorstep_events_published", "Events acknowledged by the broker", ["service"])
EVENTS_APPLIED = Counter("doorstep_events_applied", "Events applied", ["service", "type"])
EVENTS_DROPPED = Counter("doorstep_events_dropped", "Events seen before and dropped", ["service"])
EVENTS_PARKED = Counter("doorstep_events_parked", "Events parked", ["service", "reason"])
DEAD_LETTERS = Counter("doorstep_dead_letters", "Records that cannot be read or applied", ["service", "reason"])
DEAD_EVENTS = Gauge("doorstep_dead_events", "Dead events that block a stream, and open dead letters", ["service"])
CONSUMER_REBUILDS = Counter("doorstep_consumer_rebuilds", "Consumers thrown away and built again", ["service"])
CONSUMER_LAG = Gauge("doorstep_consumer_lag", "Records not yet read", ["service"])
RELAY_RESTARTS = Counter("doorstep_relay_restarts", "Relays started again after an error", ["service"])
OUTBOX_ROWS = Gauge("doorstep_outbox_rows", "Events waiting to be published", ["service"])
OUTBOX_AGE = Gauge("doorstep_outbox_oldest_seconds", "Age of the oldest event waiting", ["service"])
JOB_RUNS = Counter("doorstep_job_items", "Items done by a job", ["service", "job"])
JOB_FAILURES = Counter("doorstep_job_failures", "Runs of a job that failed", ["service", "job"])
EFFECTS = Counter("doorstep_effects", "Calls to the outside by outcome", ["service", "effect", "outcome"])

"""The shipping service put together."""

from pathlib import Path

from fastapi import FastAPI

from services.shipping import handlers, jobs
from services.shipping.actions import webhooks
from services.shipping.carriers.registry import ADAPTER
from services.shipping.queries.labels import BOOKING_SWITCH
from services.shipping.queries.personal import TABLES
from services.shipping.settings import settings
from shared.pace import FOLLOWING
from shared.process import Service, build_app
from shared.switches import Scope, Switch

_CARRIER = Scope("carrier", f"select $1 = '{ADAPTER}' or exists (select from label where carrier = $1)")
_ADAPTER = Scope("carrier", f"select $1 = '{ADAPTER}'")
_LOCATION = Scope("location", "select exists (select from location_copy where location = $1)")

service = Service(
    name="shipping",
    settings=settings,
    doors="services.shipping.api",
    events=handlers.router,
    jobs=jobs.jobs,
    migrations=Path(__file__).parent / "migrations",
    pace=FOLLOWING,
    pause_kinds=(Switch(BOOKING_SWITCH, (_CARRIER, _LOCATION)), Switch("polling", (_ADAPTER,))),
    personal=TABLES,
    kept=jobs.KEPT,
    on_start=(webhooks.renew_registration,),
)


def create_app() -> FastAPI:
    """Build the HTTP door."""
    return build_app(service)

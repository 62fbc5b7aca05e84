"""The care service put together."""

from pathlib import Path

from fastapi import FastAPI

from services.care.handlers import router as events
from services.care.jobs import KEPT, jobs
from services.care.queries import incidents
from services.care.queries.cases import AUTOMATIC_SWITCH
from services.care.queries.personal import TABLES
from services.care.queries.remedies import MESSAGES_SWITCH
from services.care.settings import settings
from shared.pace import FOLLOWING
from shared.process import Service, build_app
from shared.switches import STOREFRONT_ID, Switch

service = Service(
    name="care",
    settings=settings,
    doors="services.care.api",
    events=events,
    jobs=jobs,
    migrations=Path(__file__).parent / "migrations",
    pace=FOLLOWING,
    personal=TABLES,
    kept=KEPT,
    gauges=incidents.MEASURED,
    pause_kinds=(Switch(AUTOMATIC_SWITCH, (STOREFRONT_ID,)), Switch(MESSAGES_SWITCH, (STOREFRONT_ID,))),
)


def create_app() -> FastAPI:
    """Build the HTTP door."""
    return build_app(service)

"""The inventory service: its doors put together."""

from pathlib import Path

from fastapi import FastAPI

from services.inventory import handlers, jobs
from services.inventory.queries import oversight
from services.inventory.queries.personal import TABLES
from services.inventory.settings import settings
from shared.process import Service, build_app
from shared.switches import Scope, Switch

_LOCATION = Scope("location", "select exists (select from location where code = $1)")

service = Service(
    name="inventory",
    settings=settings,
    doors="services.inventory.api",
    events=handlers.router,
    jobs=jobs.jobs,
    migrations=Path(__file__).parent / "migrations",
    personal=TABLES,
    gauges=oversight.MEASURED,
    pause_kinds=(Switch("planning", (_LOCATION,)),),
)


def create_app() -> FastAPI:
    """Build the HTTP door (for documentation, tests and ASGI servers)."""
    return build_app(service)

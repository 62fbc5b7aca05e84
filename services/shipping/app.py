"""The shipping service put together."""

from pathlib import Path

from fastapi import FastAPI

from services.shipping import api, handlers, jobs
from services.shipping.actions import webhooks
from services.shipping.settings import settings
from shared.process import Service, build_app

service = Service(
    name="shipping",
    settings=settings,
    router=api.router,
    events=handlers.router,
    jobs=jobs.jobs,
    migrations=Path(__file__).parent / "migrations",
    pause_kinds=("booking", "polling"),
    on_start=(webhooks.renew_registration,),
)


def create_app() -> FastAPI:
    """Build the HTTP door."""
    return build_app(service)

"""The orders service put together: its doors, its jobs, its keys."""

from pathlib import Path

from fastapi import FastAPI

from services.orders import handlers, jobs
from services.orders.actions.storefronts import CachedKeys
from services.orders.queries.personal import TABLES
from services.orders.settings import settings
from shared.process import Service, build_app
from shared.switches import Scope, Switch

_STOREFRONT = Scope("storefront", "select exists (select from storefront where id::text = $1)")

service = Service(
    name="orders",
    settings=settings,
    doors="services.orders.api",
    events=handlers.router,
    jobs=jobs.jobs,
    migrations=Path(__file__).parent / "migrations",
    pause_kinds=tuple(Switch(kind, (_STOREFRONT,)) for kind in ("intake", "release", "webhooks")),
    personal=TABLES,
    kept=jobs.KEPT,
    resolve_key=CachedKeys,
)


def create_app() -> FastAPI:
    """Make the HTTP application."""
    return build_app(service)

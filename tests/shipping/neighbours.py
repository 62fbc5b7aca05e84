"""The two services shipping asks for addresses, as far as it asks them: they answer by their contract."""

from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

RECIPIENT = {
    "name": "Elizabeth Swan",
    "company": None,
    "line1": "179 N Harbor Dr",
    "line2": None,
    "city": "Redondo Beach",
    "region": "CA",
    "postal_code": "90277",
    "country_code": "US",
    "email": "elizabeth@example.com",
    "phone": "5555555555",
    "locale": "en",
}
WAREHOUSE = {
    "code": "WEST",
    "name": "Warehouse West",
    "line1": "388 Townsend St",
    "line2": "Apt 20",
    "city": "San Francisco",
    "region": "CA",
    "postal_code": "94107",
    "country_code": "US",
    "label_format": "png",
}


@dataclass(slots=True)
class Neighbours:
    """What orders and inventory know; orders can be away, and recipients differ by order id."""

    away: bool = False
    recipients: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def neighbours_app(known: Neighbours) -> FastAPI:
    """Answer as orders and inventory do."""
    router = APIRouter()

    @router.get("/internal/orders/{order_id}/recipient")
    async def recipient(order_id: str, request: Request) -> Response:
        known.asked.append(order_id)
        if known.away:
            return JSONResponse({"status": 503, "code": "unavailable"}, 503)
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return JSONResponse({"status": 401, "code": "unauthenticated"}, 401)
        return JSONResponse({"order_id": order_id, **RECIPIENT, **known.recipients.get(order_id, {})})

    @router.get("/internal/locations/{code}")
    async def location(code: str) -> Response:
        return JSONResponse(WAREHOUSE | {"code": code, "label_format": "zpl" if code == "ZEBRA" else "png"})

    app = FastAPI()
    app.include_router(router)
    return app

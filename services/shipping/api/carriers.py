"""Where carriers send their messages; they sign them instead of signing in."""

from fastapi import APIRouter, Request, Response

from services.shipping.actions import webhooks
from shared.auth import Public

router = APIRouter(prefix="/carriers", tags=["carriers"], dependencies=[Public])


@router.post("/easypost/webhooks", status_code=204, response_class=Response)
async def receive_tracking(request: Request) -> None:
    """Take a signed message; 401 when the signature over the raw body does not match."""
    await webhooks.receive_message(request.app.state.database, await request.body(), request.headers)

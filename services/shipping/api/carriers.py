"""Where carriers send their messages; they sign them instead of signing in."""

from fastapi import APIRouter, Request, Response

from services.shipping.actions import webhooks
from shared.auth import Public
from shared.openapi import raw_body

router = APIRouter(prefix="/carriers", tags=["carriers"], dependencies=[Public])


_MESSAGE = raw_body(
    "application/json",
    says="An Event as EasyPost sends it; its X-Hmac-Signature is over these bytes",
    schema={"type": "object"},
)


@router.post("/easypost/webhooks", status_code=204, response_class=Response, openapi_extra=_MESSAGE)
async def receive_tracking(request: Request) -> None:
    """Take a signed message; 401 when the signature over the raw body does not match."""
    await webhooks.receive_message(request.app.state.database, await request.body(), request.headers)

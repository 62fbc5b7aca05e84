"""Photos that customers sent, for the staff who decide and for who has verified the caller."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.care.actions import looks
from services.care.schemas import customers as schemas
from shared.auth import LookUp, OrderEditor, Scope
from shared.doors import Tx

router = APIRouter(prefix="/staff/evidence", tags=["evidence"])


@router.get("")
async def list_evidence(tx: Tx, who: LookUp, order_id: UUID) -> schemas.EvidenceList:
    """List the photos of an order; what was said of them is for who may edit orders."""
    return await looks.list_photos(tx, order_id, with_words=Scope.ORDER_EDIT in who.scopes)


@router.get("/{evidence_id}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def show_photo(request: Request, who: OrderEditor, evidence_id: UUID) -> Response:
    """Show a photo to who works cases, or has verified the caller of its order; each look is kept."""
    return Response(await looks.show_photo(request.app.state.database, evidence_id, who), media_type="image/jpeg")

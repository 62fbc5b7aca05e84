"""Photos that customers sent, for the staff who decide."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.care.actions import customers
from services.care.schemas import customers as schemas
from shared.auth import LookUp, OrderEditor
from shared.doors import Tx

router = APIRouter(prefix="/evidence", tags=["evidence"])


@router.get("")
async def list_evidence(tx: Tx, _who: LookUp, order_id: UUID) -> schemas.EvidenceList:
    """List the photos of an order."""
    return await customers.list_evidence(tx, order_id)


@router.get("/{evidence_id}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def show_photo(tx: Tx, _who: OrderEditor, evidence_id: UUID) -> Response:
    """Show a photo."""
    return Response(await customers.get_photo(tx, evidence_id), media_type="image/jpeg")

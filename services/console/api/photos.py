"""A photo that a customer sent, passed on from care to who may see it."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.console.api.guard import OrderEditor

router = APIRouter(prefix="/photos")

# Care draws every photo anew as JPEG; opened alone it still runs and loads nothing.
_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}


@router.get("/{photo_id}")
async def show_photo(photo_id: UUID, who: OrderEditor) -> Response:
    """Show a photo; care judges who may see it, and keeps that they did."""
    found = await who.caller.fetch("care", f"/staff/evidence/{photo_id}")
    shown = {"content-disposition": f'inline; filename="{photo_id}.jpg"'}
    return Response(found.content, media_type="image/jpeg", headers={**_HEADERS, **shown})

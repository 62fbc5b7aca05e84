"""Paper for the bench: labels as its printers read them or in another format, and packing slips."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.console.actions import documents, packing
from services.console.api.guard import Picker
from services.console.rendering import say
from services.console.schemas.warehouse import Enclosure, Parcel
from shared.errors import NotFoundError

router = APIRouter(prefix="/pack/parcels/{parcel_id}")

_PDF = "application/pdf"
# What a browser may show; anything else, printer languages too, is kept as a file.
_SHOWN = frozenset({_PDF, "image/png", "image/jpeg"})
# A browser's own PDF viewer is an object with a style inside the answer's page.
_VIEWER_POLICY = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'"
)


@router.get("/label")
async def show_label(
    parcel_id: UUID, who: Picker, wanted: Annotated[Literal["", "pdf", "zpl"], Query(alias="as")] = ""
) -> Response:
    """Give the label's file, in another format when asked."""
    label = await packing.read_label(who.caller, parcel_id, wanted)
    return _paper(label.content, label.media_type, label.name)


@router.get("/slip")
async def show_slip(parcel_id: UUID, who: Picker) -> Response:
    """Give the packing slip; raises NotFoundError for a parcel with nothing in it."""
    parcel = await who.caller.get("inventory", f"/staff/parcels/{parcel_id}", Parcel)
    if not parcel.contents:
        raise NotFoundError("nothing lies in this parcel")
    enclosure = await who.caller.get("orders", f"/internal/orders/{parcel.order_id}/enclosure", Enclosure)
    slip = await asyncio.to_thread(documents.packing_slip, parcel, enclosure, say)
    return _paper(slip, _PDF, f"{parcel.number}-{parcel.parcel_no}.pdf")


def _paper(content: bytes, media_type: str, name: str) -> Response:
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name if letter.isascii())
    how = "inline" if media_type in _SHOWN else "attachment"
    headers = {"content-disposition": f'{how}; filename="{kept}"', "content-security-policy": _VIEWER_POLICY}
    return Response(
        content, media_type=media_type if media_type in _SHOWN else "application/octet-stream", headers=headers
    )

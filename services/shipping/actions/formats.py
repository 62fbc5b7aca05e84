"""A label in another format than its bench prints: the carrier is asked for it once, and it is kept with the first."""

from uuid import UUID

from services.shipping.actions.booking import LabelFile
from services.shipping.actions.labels import get_printed
from services.shipping.carriers.base import CarrierError, LabelFormat
from services.shipping.carriers.registry import carrier
from services.shipping.errors import CarrierAwayError, FormatNotGivenError, LabelNotReadyError
from services.shipping.models import ShippingLabel
from services.shipping.queries import labels as queries
from shared.db import Database
from shared.errors import FieldError


async def label_as(database: Database, shipment_id: UUID, wanted: LabelFormat | None) -> LabelFile:
    """Give a shipment's label as its bench prints it, or in the format that is wanted.

    Raises ShipmentNotFoundError, LabelNotReadyError, FormatNotGivenError and CarrierAwayError.
    """
    async with database.transaction() as tx:
        label, printed = await get_printed(tx, shipment_id)
        if wanted is None or wanted.value == label.format:
            return printed
        known = await queries.get_copy(tx, label.id, wanted.value)
    if known is not None:
        return LabelFile(*known)
    file = await _fetch(label, wanted)
    async with database.transaction(cause=f"label:{label.id}") as tx:
        current, _ = await get_printed(tx, shipment_id)
        await queries.keep_copy(tx, label.id, wanted.value, file.media_type, file.content)
        known = await queries.get_copy(tx, label.id, wanted.value)
    if known is None or current.id != label.id:
        raise LabelNotReadyError("the parcel's label is another one now, or gone: ask again")
    return LabelFile(*known)


async def _fetch(label: ShippingLabel, wanted: LabelFormat) -> LabelFile:
    try:
        given = await carrier(label.adapter).convert_label(label.carrier_shipment_id or "", wanted)
        if given is not None:
            return LabelFile(given.media_type, await carrier(label.adapter).fetch_label(given))
    except CarrierError as error:
        raise CarrierAwayError(f"the carrier cannot be asked for this label as {wanted.upper()}: {error}") from error
    said = f"the carrier does not give this label as {wanted.upper()}: print it as {label.format.upper()}"
    raise FormatNotGivenError(said, errors=(FieldError("/query/format", FormatNotGivenError.code, said),))

"""How parcels look to people and to the other services."""

from collections.abc import Sequence
from uuid import UUID

from services.inventory.errors import ParcelNotFoundError
from services.inventory.models.warehouse import Parcel
from services.inventory.queries import parcels as queries
from services.inventory.queries.parcels import ContentLine, ParcelFilter
from services.inventory.schemas.packing import DestinationAnswer, ParcelAnswer, ParcelLabel, ParcelLine
from services.inventory.states.warehouse import PARCEL, LabelState, ParcelState
from shared.db import Transaction

LEAST_VARIANCE_GRAMS = 50
VARIANCE_PERCENT = 5


def expected_weight(lines: Sequence[ContentLine]) -> int:
    """Sum what the contents weigh by their SKUs, in grams."""
    return sum(line.weight_grams * line.quantity for line in lines)


def variance_of(parcel: Parcel) -> int | None:
    """Give measured minus tare minus expected, in grams; None before the parcel was weighed."""
    if parcel.weight_grams is None or parcel.expected_grams is None:
        return None
    return parcel.weight_grams - parcel.tare_grams - parcel.expected_grams


def is_suspicious(parcel: Parcel) -> bool:
    """Say whether the variance is above max(50 g, 5 % of the expected weight): something is missing or wrong."""
    variance = variance_of(parcel)
    if variance is None or parcel.expected_grams is None:
        return False
    return abs(variance) * 100 > max(LEAST_VARIANCE_GRAMS * 100, VARIANCE_PERCENT * parcel.expected_grams)


async def read_parcel(tx: Transaction, parcel_id: UUID) -> ParcelAnswer:
    """Read a parcel; raises ParcelNotFoundError."""
    found = await queries.get_parcels(tx, [parcel_id])
    if parcel_id not in found:
        raise ParcelNotFoundError(f"there is no parcel {parcel_id}")
    return await show_parcel(tx, found[parcel_id])


async def read_parcels(tx: Transaction, wanted: ParcelFilter) -> list[ParcelAnswer]:
    """Read parcels that have not left, or the one with a tracking number."""
    return await show_parcels(tx, await queries.list_waiting(tx, wanted))


async def show_parcel(tx: Transaction, parcel: Parcel) -> ParcelAnswer:
    """Give a parcel with its contents and label."""
    return (await show_parcels(tx, [parcel]))[0]


async def show_parcels(tx: Transaction, parcels: Sequence[Parcel]) -> list[ParcelAnswer]:
    """Give parcels with their contents and labels."""
    ids = [parcel.id for parcel in parcels]
    lines = await queries.content_lines(tx, ids)
    around = await queries.read_circumstances(tx, ids)
    answers: list[ParcelAnswer] = []
    for parcel in parcels:
        order = around[parcel.id]
        own = lines.get(parcel.id, [])
        answers.append(
            ParcelAnswer(
                id=parcel.id, fulfilment_id=parcel.fulfilment_id, order_id=parcel.order_id, number=order["number"],
                reference=order["reference"], location=parcel.location, parcel_no=parcel.parcel_no,
                state=ParcelState(parcel.state), since=parcel.since,
                due_at=PARCEL.due_at(ParcelState(parcel.state), parcel.since),
                contents=[ParcelLine.model_validate(line) for line in own], weight_grams=parcel.weight_grams,
                length_mm=parcel.length_mm, width_mm=parcel.width_mm, height_mm=parcel.height_mm,
                tare_grams=parcel.tare_grams, expected_grams=expected_weight(own),
                variance_grams=variance_of(parcel), variance_exceeded=is_suspicious(parcel),
                label=_show_label(parcel), service_level=order["service_level"],
                destination=DestinationAnswer(country_code=order["country_code"], postal_zone=order["postal_zone"]),
                cut_off_at=order["cut_off_at"], version=parcel.version,
            )
        )  # fmt: skip
    return answers


def _show_label(parcel: Parcel) -> ParcelLabel:
    return ParcelLabel(
        state=LabelState(parcel.label_state),
        carrier=parcel.carrier,
        service=parcel.service,
        tracking_number=parcel.tracking_number,
        problem=parcel.label_problem,
    )

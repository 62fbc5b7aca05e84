"""Requests and answers around parcels, labels, hand-overs, damage and put-backs."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.inventory.schemas.picking import Code, Replacement, Units
from services.inventory.states.warehouse import FulfilmentState, LabelState, ParcelState
from shared.doors import Answer, Body

MAX_PARCELS = 500
Millimetres = Annotated[int, Field(ge=1, le=5_000)]
Grams = Annotated[int, Field(ge=1, le=1_000_000)]


class Packed(Body):
    """Units put into a parcel: a barcode (or the SKU itself) read `quantity` times."""

    barcode: Code
    quantity: Units = 1


class Weighing(Body):
    """What the scale and the box say; `tare_grams` is the empty box with its padding."""

    weight_grams: Grams
    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres
    tare_grams: int = Field(default=0, ge=0, le=100_000)


class PackParcel(Body):
    """A new parcel; without contents it takes all that lies in the tote; weighed and closed at once if asked."""

    contents: list[Packed] | None = Field(default=None, max_length=500)
    weight_grams: Grams | None = None
    length_mm: Millimetres | None = None
    width_mm: Millimetres | None = None
    height_mm: Millimetres | None = None
    tare_grams: int = Field(default=0, ge=0, le=100_000)
    close: bool = False

    @property
    def weighing(self) -> Weighing | None:
        """What the scale and the box say, if they were asked."""
        if self.weight_grams and self.length_mm and self.width_mm and self.height_mm:
            return Weighing(
                weight_grams=self.weight_grams,
                length_mm=self.length_mm,
                width_mm=self.width_mm,
                height_mm=self.height_mm,
                tare_grams=self.tare_grams,
            )
        return None

    @model_validator(mode="after")
    def _is_weighed_wholly_and_before_it_is_closed(self) -> Self:
        given = [self.weight_grams, self.length_mm, self.width_mm, self.height_mm]
        if any(given) and not all(given):
            raise ValueError("weight_grams, length_mm, width_mm and height_mm belong together: send all or none")
        if self.close and not any(given):
            raise ValueError("a parcel is weighed before it is closed: send weight_grams and its size too")
        return self


class ParcelLine(Answer):
    """Units of a line inside a parcel; the weight is that of one unit."""

    line_id: UUID
    sku: str
    name: str
    quantity: int
    weight_grams: int


class ParcelLabel(Answer):
    """What shipping last said about the parcel's label."""

    state: LabelState
    carrier: str
    service: str
    tracking_number: str
    problem: str


class DestinationAnswer(Answer):
    """As much of the address as the warehouse knows."""

    country_code: str
    postal_zone: str


class ParcelAnswer(Answer):
    """A parcel with its contents; the variance is measured minus tare minus expected."""

    id: UUID
    fulfilment_id: UUID
    order_id: UUID
    number: str
    reference: str
    location: str
    parcel_no: int
    state: ParcelState
    since: datetime
    due_at: datetime | None
    contents: list[ParcelLine]
    weight_grams: int | None
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    tare_grams: int
    expected_grams: int
    variance_grams: int | None
    variance_exceeded: bool
    label: ParcelLabel
    service_level: str
    destination: DestinationAnswer
    cut_off_at: datetime
    version: int


class PrintedLabel(Answer):
    """A bought label as shipping gives it."""

    shipment_id: UUID
    carrier: str
    service: str
    tracking_number: str
    format: str
    media_type: str
    content_base64: str
    label_url: str


class LabelAnswer(Answer):
    """A parcel and its label; without one the parcel waits on the shelf `awaiting label`."""

    parcel: ParcelAnswer
    label: PrintedLabel | None


class Stage(Body):
    """The scan of a printed label on its way to the carrier's lane."""

    location: Code
    tracking_number: Code


class HandOverParcels(Body):
    """Parcels scanned into a carrier's truck, by tracking number or parcel id."""

    location: Code
    carrier: Code
    tracking_numbers: list[Code] = Field(default_factory=list, max_length=MAX_PARCELS)
    parcel_ids: list[UUID] = Field(default_factory=list, max_length=MAX_PARCELS)
    manifest: str = Field(default="", max_length=64)

    @model_validator(mode="after")
    def _names_parcels(self) -> Self:
        count = len(self.tracking_numbers) + len(self.parcel_ids)
        if not 1 <= count <= MAX_PARCELS:
            raise ValueError(f"name 1 to {MAX_PARCELS} parcels by tracking_numbers or parcel_ids")
        return self


class Accepted(Answer):
    """A parcel that left."""

    parcel_id: UUID
    order_id: UUID
    tracking_number: str


class Refused(Answer):
    """A parcel that must not leave, and why."""

    parcel_id: UUID | None
    tracking_number: str
    code: str
    detail: str


class HandOverAnswer(Answer):
    """What left and what was refused."""

    hand_over_id: UUID
    accepted: list[Accepted]
    refused: list[Refused]


class Damage(Body):
    """Picked units found damaged."""

    sku: Code
    quantity: Units


class DamageAnswer(Answer):
    """What became of damaged units."""

    fulfilment_id: UUID
    state: FulfilmentState
    replaced: list[Replacement]
    backordered: int
    expected_at: datetime | None


class PutBackScan(Body):
    """Cancelled units laid on their shelf again."""

    barcode: Code
    quantity: Units = 1


class PutBackLine(Answer):
    """Units of a line that are, or must still be, put back."""

    line_id: UUID
    sku: str
    quantity: int


class PutBackAnswer(Answer):
    """What lies on its shelf again, and what must still go there."""

    fulfilment_id: UUID
    state: FulfilmentState
    put_back: list[PutBackLine]
    due: list[PutBackLine]

"""What customers say on the status page: photos of what is wrong, and their wishes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field

from services.care.models.columns import CareTable, moment


class Evidence(CareTable, table=True):
    """A photo, drawn anew so that nothing but the picture is left of the file; `report_id` once it is told of."""

    __tablename__ = "evidence"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    report_id: UUID | None = None
    width: int
    height: int
    image: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_column=moment(required=True))


class EvidenceLook(CareTable, table=True):
    """Somebody of the staff looked at a photo; stays when the photo goes."""

    __tablename__ = "evidence_view"

    id: UUID = Field(primary_key=True)
    evidence_id: UUID
    order_id: UUID
    actor: str
    at: datetime = Field(sa_column=moment(required=True))


class Word(CareTable, table=True):
    """Something a customer chose: `wait` (the promise's revision), `notices` (email or page), `rating` (1 to 5)."""

    __tablename__ = "word"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    kind: str
    value: str
    at: datetime = Field(sa_column=moment(required=True))

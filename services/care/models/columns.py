"""Column kinds that several tables share."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel
from typing_extensions import TypedDict  # pydantic accepts only this one before Python 3.12


class Units(TypedDict):
    """Units of one order line, as stored."""

    line_id: str
    sku: str
    quantity: int


class CareTable(SQLModel):
    """A table of this service; services share table names, so each has its own metadata."""

    metadata: ClassVar[MetaData] = MetaData()


def moment(*, required: bool = False) -> Column[datetime]:
    """Make a timestamptz column."""
    return Column(DateTime(timezone=True), nullable=not required)


def json_column() -> Column[object]:
    """Make a jsonb column that is never null."""
    return Column(JSONB, nullable=False)

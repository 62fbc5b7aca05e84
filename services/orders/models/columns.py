"""Column types that SQLModel does not guess: aware moments, documents, texts in place of enums."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.rows import Row

Document = dict[str, object]


class OrdersTable(Row):
    """A table of this service; services share table names, so each has its own metadata."""

    metadata: ClassVar[MetaData] = MetaData()


def moment(*, required: bool = False) -> "Column[datetime]":
    """Make a timestamptz column."""
    return Column(DateTime(timezone=True), nullable=not required)


def document(*, required: bool = True) -> "Column[object]":
    """Make a jsonb column."""
    return Column(JSONB, nullable=not required)


def texts() -> "Column[list[str]]":
    """Make a text[] column."""
    return Column(ARRAY(Text), nullable=False)


def text(*, required: bool = True) -> "Column[str]":
    """Make a text column, also for enums, which are stored by value with a CHECK."""
    return Column(Text, nullable=not required)


def minor_units(*, required: bool = True) -> "Column[int]":
    """Make a bigint column for money."""
    return Column(BigInteger, nullable=not required)

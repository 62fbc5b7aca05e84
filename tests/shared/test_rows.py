"""Rows that no session keeps are made without SQLModel's constructor, and hold the same."""

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import Column, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from shared.rows import Row


class Crate(Row, table=True):
    """A table as services have them."""

    metadata: ClassVar[MetaData] = MetaData()

    id: int = Field(primary_key=True)
    label: str
    count: int = 0
    sealed_at: datetime | None = None
    marks: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))


class SessionCrate(SQLModel, table=True):
    """The same table as SQLModel makes its rows."""

    metadata: ClassVar[MetaData] = MetaData()
    __tablename__ = "crate"

    id: int = Field(primary_key=True)
    label: str
    count: int = 0
    sealed_at: datetime | None = None
    marks: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))


def test_a_row_holds_what_sqlmodel_would_have_given_it() -> None:
    sealed_at = datetime(2026, 3, 2, tzinfo=UTC)

    ours, theirs = (kind(id=1, label="North", sealed_at=sealed_at) for kind in (Crate, SessionCrate))

    names = list(Crate.model_fields)
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]


def test_each_row_has_a_list_of_its_own() -> None:
    one, other = Crate(id=1, label="North"), Crate(id=2, label="South")

    one.marks.append("fragile")

    assert other.marks == []


def test_what_is_assigned_is_what_is_read_and_written() -> None:
    crate = Crate(id=1, label="North")

    crate.count = 7

    assert (crate.count, crate.__dict__["count"]) == (7, 7)

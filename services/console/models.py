"""The console's own rows: staff, their sessions and saved views, who has which case open, and every sign-in."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel


class ConsoleTable(SQLModel):
    """A table of the console; services share table names, so each has its own metadata."""

    metadata: ClassVar[MetaData] = MetaData()


def _moment(*, required: bool = True) -> "Column[datetime]":
    return Column(DateTime(timezone=True), nullable=not required)


def _texts() -> "Column[list[str]]":
    return Column(ARRAY(Text), nullable=False)


class Staff(ConsoleTable, table=True):
    """Somebody who may sign in; `roles` in the order they are offered, `locations` where they work (none: anywhere).

    `identity` is who they are at the identity provider; without a password they sign in there only.
    """

    __tablename__ = "staff"

    id: UUID = Field(primary_key=True)
    login: str
    name: str
    password_hash: str | None = None
    identity: str | None = None
    roles: list[str] = Field(sa_column=_texts())
    locations: list[str] = Field(default_factory=list, sa_column=_texts())
    created_at: datetime = Field(sa_column=_moment())
    disabled_at: datetime | None = Field(default=None, sa_column=_moment(required=False))
    single_keys: bool = True
    queue: str = ""
    """Where the queue shows the cases they looked at last."""


class Session(ConsoleTable, table=True):
    """A signed-in browser; the token itself is only in its cookie."""

    __tablename__ = "session"

    token_hash: str = Field(primary_key=True)
    staff_id: UUID
    role: str
    created_at: datetime = Field(sa_column=_moment())
    seen_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())


class PasswordLink(ConsoleTable, table=True):
    """A link that lets somebody set a password, once; the token itself is only in the link."""

    __tablename__ = "password_link"

    token_hash: str = Field(primary_key=True)
    staff_id: UUID
    made_by: str
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    used_at: datetime | None = Field(default=None, sa_column=_moment(required=False))


class SavedView(ConsoleTable, table=True):
    """Which cases somebody wants to see again; `wanted` holds the fields of the queue's filter."""

    __tablename__ = "saved_view"

    id: UUID = Field(primary_key=True)
    staff_id: UUID
    name: str
    wanted: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(sa_column=_moment())


class Presence(ConsoleTable, table=True):
    """Somebody has a case open; a few seconds after the last sign of it they count as gone."""

    __tablename__ = "presence"

    case_id: UUID = Field(primary_key=True)
    staff_id: UUID = Field(primary_key=True)
    seen_at: datetime = Field(sa_column=_moment())


class SignIn(ConsoleTable, table=True):
    """One attempt to sign in, a sign-out, or something done to an account; never changed.

    `acted_by` is who did it, when that was somebody else.
    """

    __tablename__ = "sign_in"

    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    login: str
    address: str
    outcome: str
    staff_id: UUID | None = None
    acted_by: str = ""

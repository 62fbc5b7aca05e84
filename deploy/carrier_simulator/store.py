"""The simulator's memory: one SQLite file, so that a kill -9 loses nothing that was accepted."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SCHEMA = """
create table if not exists activity (only_row integer primary key check (only_row = 1), done integer not null);
insert or ignore into activity values (1, 0);

create table if not exists object (id text primary key, document blob not null) without rowid;

create table if not exists shipment (
    sequence integer primary key autoincrement,
    id text not null unique,
    reference text,
    custom_1 text,
    tracking_code text unique,
    label_id text unique,
    created_at integer not null,
    refund_status text,
    refund_due_at integer,
    document blob not null
);
create index if not exists shipment_reference on shipment (reference);
create index if not exists shipment_refund_due on shipment (refund_due_at) where refund_due_at is not null;

create table if not exists tracker (
    sequence integer primary key autoincrement,
    id text not null unique,
    tracking_code text not null unique,
    shipment_id text,
    custom_1 text,
    custom_2 text,
    reference text,
    journey text,
    plan blob,
    status text not null,
    handed_over_at integer,
    created_at integer not null,
    document blob not null
);
create index if not exists tracker_custom on tracker (custom_1);

create table if not exists scan (
    sequence integer primary key autoincrement,
    tracking_code text not null,
    due_at integer not null,
    done integer not null default 0,
    scan blob not null
);
create index if not exists scan_due on scan (due_at, tracking_code, sequence) where done = 0;
create index if not exists scan_of on scan (tracking_code) where done = 0;

create table if not exists journey (
    sequence integer primary key autoincrement,
    tracking_code text,
    custom_1 text,
    custom_2 text,
    script blob not null
);
create index if not exists journey_tracking on journey (tracking_code);
create index if not exists journey_custom on journey (custom_1);

create table if not exists webhook (
    sequence integer primary key autoincrement,
    id text not null unique,
    url text not null unique,
    secret text,
    document blob not null
);

create table if not exists event (
    sequence integer primary key autoincrement,
    id text not null unique,
    description text not null,
    created_at integer not null,
    document blob not null
);

create table if not exists delivery (
    ordinal integer primary key autoincrement,
    event_id text not null,
    webhook_id text not null,
    url text not null,
    lane text not null,
    held integer not null default 0,
    duplicate integer not null default 0,
    forged integer not null default 0,
    done integer not null default 0
);
create index if not exists delivery_pending on delivery (ordinal) where done = 0 and held = 0;
create index if not exists delivery_held on delivery (lane) where held = 1;
create index if not exists delivery_event on delivery (event_id);
create index if not exists delivery_webhook on delivery (webhook_id) where done = 0;

create table if not exists fault (
    sequence integer primary key autoincrement,
    id text not null unique,
    times integer,
    hits integer not null default 0,
    document blob not null
);
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Turn a moment into what the file holds."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Turn what the file holds into a moment."""
    return _EPOCH + micros * _MICROSECOND


class Store:
    """The file, its one connection and the count of everything that was done to it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self.connection.row_factory = sqlite3.Row
        # A process that dies loses nothing in WAL mode without a sync per commit; only a power cut could.
        self.connection.executescript("pragma journal_mode=wal; pragma synchronous=normal; pragma busy_timeout=5000;")
        self.connection.executescript(_SCHEMA)
        self._open = False
        self.commits = 0

    def close(self) -> None:
        """Give the file back."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do several things or none; one that runs inside another joins it."""
        if self._open:
            yield self.connection
            return
        self.connection.execute("begin immediate")
        self._open = True
        try:
            yield self.connection
            self.connection.execute("update activity set done = done + 1")
            self.connection.execute("commit")
            self.commits += 1
        except BaseException:
            self.connection.execute("rollback")
            raise
        finally:
            self._open = False

    def one(self, sql: str, *values: str | int | None) -> sqlite3.Row | None:
        """Read at most one row."""
        row: sqlite3.Row | None = self.connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: str | int | None) -> list[sqlite3.Row]:
        """Read every row."""
        return self.connection.execute(sql, values).fetchall()

    def number(self, sql: str, *values: str | int | None) -> int | None:
        """Read one number, None where there is none."""
        row = self.one(sql, *values)
        return None if row is None or row[0] is None else int(row[0])

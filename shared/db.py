"""The one kind of transaction: rows and events are committed together, or neither."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
import orjson
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSessionTransaction, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, outbox, tracing, writes
from shared.events.base import Event

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

T = TypeVar("T")

_QUESTION_SECONDS = 5.0
# Twice what the services' roles allow a statement: a server that is silent for so long is gone, though nobody hung up.
_SILENT_SECONDS = 10.0
_TRANSIENT_TRIES = 5
_KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}

_CONTENDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
_OVERTIME = (asyncpg.QueryCanceledError, asyncpg.TransactionTimeoutError)
AWAY = (
    ConnectionError,
    TimeoutError,
    PoolTimeoutError,
    InterfaceError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that died in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InsufficientResourcesError,  # its disk or memory is full, or it has too many connections
    asyncpg.PostgresIOError,
)

_REFUSED = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)


def root_cause(error: BaseException) -> BaseException:
    """Give the asyncpg error beneath SQLAlchemy's wrapping, or the error itself."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def is_transient(error: BaseException) -> bool:
    """Say whether the same transaction may succeed later: it met competition, or took too long."""
    return is_contended(error) or is_overtime(error)


def is_contended(error: BaseException) -> bool:
    """Say whether another transaction stood in the way: deadlock, serialisation, lock timeout."""
    return isinstance(root_cause(error), _CONTENDED)


def is_overtime(error: BaseException) -> bool:
    """Say whether the database ended a statement or transaction because it took longer than its role may."""
    return isinstance(root_cause(error), _OVERTIME)


def is_refused(error: BaseException) -> bool:
    """Say whether the database cannot hold a value: out of range, not text, too long for an index."""
    cause = root_cause(error)
    by_driver = isinstance(cause, asyncpg.InterfaceError) and isinstance(cause, ValueError)
    return by_driver or isinstance(cause, _REFUSED)


def is_away(error: BaseException) -> bool:
    """Say whether the database is unreachable rather than unwilling."""
    if is_refused(error):  # the driver's own refusal is a kind of InterfaceError
        return False
    cause = root_cause(error)
    connection_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return isinstance(cause, AWAY) or connection_lost


class Transaction:
    """Rows, locks and events of one unit of work; whoever opened it commits, nobody else.

    `session` serves SQLModel rows; `fetch`, `row`, `value` and `execute` serve set-based SQL ($1 style) on the same
    connection; `write` queues SQL that goes with other writes; `publish` queues an event, written with the commit.
    """

    def __init__(self, database: "Database", pooled: AsyncConnection, cause: str) -> None:
        self.database = database
        self._has_begun = False
        self.now: datetime = clock.now()
        self.cause = cause
        self.origins: dict[str, outbox.Origin] = {}
        self.events: list[outbox.Pending] = []
        self.wrote = False
        self._writes: dict[str, writes.Write] = {}
        self._pooled = pooled
        self._raw: Connection = _driver_of(pooled)
        self._session: AsyncSession | None = None
        self._is_over = False
        self._after_commit: list[Callable[[], None]] = []

    @property
    def session(self) -> AsyncSession:
        """The session of this transaction, made when it is first asked for: most need none."""
        if self._session is None:
            self._session = AsyncSession(self._pooled, expire_on_commit=False)
        return self._session

    def publish(self, fact: Event, *, occurred_at: datetime | None = None) -> None:
        """Queue an event of this service; `occurred_at` defaults to business time now."""
        origin = self.origins.get(fact.key) or outbox.Origin(self.cause, tracing.current_traceparent())
        resumes = fact.key not in self.origins and tracing.is_ours() and hasattr(fact, "order_id")
        self.events.append(outbox.Pending(fact, occurred_at or self.now, origin.cause, origin.traceparent, resumes))

    def caused_by(self, key: str) -> str:
        """Say what a change to something of a key follows from: this request or job, else the event of that key."""
        origin = self.origins.get(key)
        return self.cause or (f"event:{origin.cause}" if origin is not None else "")

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run `act` once the transaction is committed (a metric, a wake-up; nothing that may fail)."""
        self._after_commit.append(act)

    async def connection(self) -> "Connection":
        """Give the asyncpg connection beneath, inside this transaction, pending rows flushed."""
        await self.begin()
        return await self._flushed()

    async def _asking(self, sql: str) -> "Connection":
        """Give the connection for a statement; what may change or lock something belongs inside the transaction."""
        if self._writes or not writes.only_reads(sql):
            await self.begin()
        return await self._flushed()

    async def _flushed(self) -> "Connection":
        await self._add_rows()
        if self._writes:
            pending, self._writes = self._writes, {}
            await self._raw.execute(writes.statement_of(pending), *writes.values_of(pending))
        return self._raw

    async def _add_rows(self) -> None:
        if self._is_pending:
            self.wrote = True
            await self.begin()
            await self.session.flush()

    @property
    def _is_pending(self) -> bool:
        session = self._session
        return session is not None and bool(session.new or session.dirty or session.deleted)

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Run a query and give all rows."""
        return list(await (await self._asking(sql)).fetch(sql, *values))

    async def row(self, sql: str, *values: object) -> asyncpg.Record | None:
        """Run a query and give its first row."""
        return await (await self._asking(sql)).fetchrow(sql, *values)

    async def value(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - the column's type
        """Run a query and give the first column of its first row."""
        return await (await self._asking(sql)).fetchval(sql, *values)

    async def execute(self, sql: str, *values: object) -> int:
        """Run a statement and give the number of rows it touched."""
        self.wrote = True
        tag = await (await self._asking(sql)).execute(sql, *values)
        count = tag.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    async def write(self, sql: str, *values: object) -> None:
        """Queue a statement that changes one table, asks no other and whose answer nobody needs.

        It runs together with others: before what is asked next of this transaction, else with its events. A session's
        own questions do not wait for it.
        """
        table = writes.table_of(sql)
        if table in self._writes:
            await self.connection()
        self._writes[table] = sql, values
        self.wrote = True

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement for each row of values in one round trip."""
        self.wrote = True
        await (await self.connection()).executemany(sql, rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[AsyncSessionTransaction]:
        """Undo what the block did, rows of the session and plain SQL alike, if it raises or asks for `rollback()`."""
        await self.connection()
        try:
            async with self.session.begin_nested() as savepoint:
                await self.session.connection()  # only now does the session make it, not at its first row
                yield savepoint
                if savepoint.is_active:
                    await self.connection()
        finally:
            self._writes.clear()  # what the block queued is written, or undone with it

    async def begin(self) -> None:
        """Begin, unless it has. SQLAlchemy, told to autocommit, begins and commits nothing."""
        if not self._has_begun:
            self._has_begun = True
            await self._raw.execute("begin")

    async def finish(self) -> None:
        """Write the queued events and commit; only Database.transaction calls this."""
        self.wrote = self.wrote or self._is_pending or bool(self.events)
        await self._add_rows()
        if self.events:
            await outbox.append(self._raw, self.events, self.database.epoch, self._writes)
        else:
            await self._flushed()
        if self._session is not None:
            await self._session.commit()
        # One statement alone has committed itself. PostgreSQL raises nothing where it has rolled back long ago.
        if self._has_begun and await self._raw.execute("commit") != "COMMIT":
            raise RuntimeError("an error of the database was swallowed in this transaction: nothing of it is kept")
        self._is_over = True
        for act in self._after_commit:
            act()

    async def leave(self) -> None:
        """Give the connection back, rolled back unless committed; only Database.transaction calls this."""
        try:
            if self._session is not None:
                await self._session.close()
            # A cancelled "begin" may have been obeyed: the driver does not know.
            if self._has_begun and not self._is_over:
                await self._raw.execute("rollback", timeout=_QUESTION_SECONDS)
        except Exception:  # noqa: BLE001 - whatever it is, nobody uses this connection again
            self._raw.terminate()
        if self._raw.is_closed():
            await self._pooled.invalidate()
        await self._pooled.close()


class Database:
    """One service's database: its pool and its transactions."""

    def __init__(self, url: str, *, pool_size: int = 10, epoch: int = 1, application: str = "doorstep") -> None:
        self.url = url
        self.application = application
        self.epoch = epoch
        self.activity = 0
        self.open_transactions = 0
        self._listeners: list[Callable[[bool], None]] = []
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # an error's text goes to the log
            json_serializer=_identity,
            json_deserializer=_identity,
            connect_args={
                "timeout": 5,
                "command_timeout": _SILENT_SECONDS,
                "server_settings": {"application_name": application, "jit": "off", **_KEEPALIVE},
            },
        )
        event.listen(self.engine.sync_engine, "connect", _teach_json)

    def on_commit(self, listener: Callable[[bool], None]) -> None:
        """Call `listener(published)` after every commit that wrote something."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def transaction(self, cause: str = "", *, late: bool = False) -> AsyncIterator[Transaction]:
        """Open a transaction; commit at the end of the block, roll back if it raises.

        `cause` is the request, event or job id that everything published here follows from. A `late` one begins with
        the first lock or change: what it reads before is committed in either case, and sees the newest. Its `session`
        may read and add rows before, but not lock any.
        """
        self.open_transactions += 1
        try:
            tx = Transaction(self, await self._take(), cause)
            try:
                if not late:
                    await tx.begin()
                yield tx
                await tx.finish()
            finally:
                # To the end, though the task be cancelled meanwhile: else a pooled connection is in a transaction.
                await asyncio.shield(asyncio.ensure_future(tx.leave()))
            if tx.wrote:
                self.activity += 1
                for listener in self._listeners:
                    listener(bool(tx.events))
        finally:
            self.open_transactions -= 1

    async def _take(self) -> AsyncConnection:
        """Take a connection that is not known to be dead: the server may have ended some while they lay in the pool."""
        pooled = await self.engine.connect()
        while _driver_of(pooled).is_closed():
            await pooled.invalidate()
            await pooled.close()
            pooled = await self.engine.connect()
        return pooled

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


async def connect(
    url: str, *, application: str, patience_seconds: float | None = _SILENT_SECONDS
) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one direct connection (advisory locks, LISTEN), never through a pool; JSON is Python values.

    A statement without an answer for `patience_seconds` raises TimeoutError; with None it is waited for without end.
    """
    connection = await asyncpg.connect(
        url,
        timeout=5,
        command_timeout=patience_seconds,
        server_settings={
            "application_name": application,
            "idle_in_transaction_session_timeout": "10000",
            **_KEEPALIVE,
        },
    )
    await _set_codecs(connection)
    return connection


async def with_retries(work: Callable[[], Awaitable[T]]) -> T:
    """Do the work of one whole transaction, again and up to five times while it only meets competition.

    `work` opens its transaction itself and has no other effect; raises what its last try raises.
    """
    for attempt in range(1, _TRANSIENT_TRIES):
        try:
            return await work()
        except Exception as error:
            if not is_transient(error):
                raise
        await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter
    return await work()


def _driver_of(pooled: AsyncConnection) -> "Connection":
    sync = cast("SyncConnection", pooled.sync_connection)
    return cast("Connection", sync.connection.driver_connection)


def _identity(value: T) -> T:
    return value


async def _set_codecs(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind,
            schema="pg_catalog",
            format="binary",
            encoder=_encode_jsonb if kind == "jsonb" else orjson.dumps,
            decoder=_decode_jsonb if kind == "jsonb" else orjson.loads,
        )


def _encode_jsonb(value: object) -> bytes:
    return b"\x01" + orjson.dumps(value, default=str)


def _decode_jsonb(raw: bytes) -> object:
    return orjson.loads(raw[1:])


def _teach_json(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Let jsonb columns be Python values on both paths, SQLModel and asyncpg."""
    connection.run_async(_set_codecs)

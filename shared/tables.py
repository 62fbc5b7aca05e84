"""The plumbing tables every service's database has; a service's first migration creates them."""

RING_SLOTS = 32  # daily partitions of event_log and inbox; at most RING_SLOTS - 3 of them are kept

_TABLES = """
create table stream (
  key text primary key,
  sequence bigint not null check (sequence > 0)
) with (fillfactor = 80);

create table outbox (
  id bigint generated always as identity primary key,
  event_id uuid not null,
  shard smallint not null check (shard between 0 and 63),
  topic text not null,
  key text not null,
  epoch int not null,
  sequence bigint not null,
  type text not null,
  headers jsonb not null,
  payload jsonb not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create table event_log (
  slot smallint not null,
  event_id uuid not null,
  shard smallint not null,
  topic text not null,
  key text not null,
  epoch int not null,
  sequence bigint not null,
  type text not null,
  headers jsonb not null,
  payload jsonb not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  published_at timestamptz not null,
  primary key (slot, key, epoch, sequence)
) partition by list (slot);

create table inbox (
  slot smallint not null,
  consumer text not null,
  event_id uuid not null,
  primary key (slot, consumer, event_id)
) partition by list (slot);

create table stream_position (
  consumer text not null,
  source text not null,
  key text not null,
  epoch int not null default 1,
  sequence bigint not null,
  primary key (consumer, source, key)
) with (fillfactor = 80);

create table parked (
  consumer text not null,
  source text not null,
  key text not null,
  epoch int not null,
  sequence bigint not null,
  event_id uuid not null,
  topic text not null,
  partition int not null,
  headers jsonb not null,
  payload text not null,
  state text not null default 'parked' check (state in ('parked', 'dead')),
  reason text not null,
  attempts int not null default 0,
  parked_at timestamptz not null,
  primary key (consumer, source, key, epoch, sequence)
);

create table dead_letter (
  id bigint generated always as identity primary key,
  consumer text not null,
  topic text not null,
  partition int not null,
  "offset" bigint not null,
  reason text not null,
  error text not null,
  headers jsonb not null,
  key text,
  payload text,
  recorded_at timestamptz not null,
  fingerprint text not null,
  state text not null default 'open' check (state in ('open', 'discarded')),
  unique (consumer, topic, partition, "offset", fingerprint)
);

create table idempotency (
  scope text not null,
  key text not null,
  fingerprint jsonb not null,
  status int,
  body jsonb,
  headers jsonb,
  created_at timestamptz not null,
  primary key (scope, key)
);
create index on idempotency (created_at);

create table pause_switch (
  kind text not null,
  scope text not null default '*',
  reason text not null,
  actor text not null,
  paused_at timestamptz not null,
  primary key (kind, scope)
);

create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  act text not null,
  subject text not null,
  reason text not null,
  before jsonb,
  after jsonb,
  cause text not null default ''
);
create index on audit (subject);

create table overdue (
  kind text not null,
  subject text not null,
  order_id text,
  state text not null,
  due_at timestamptz not null,
  told_at timestamptz not null,
  primary key (kind, subject, due_at)
);
create index on overdue (due_at);

create table overdue_look (
  only_row boolean primary key default true check (only_row),
  due_at timestamptz not null
);
insert into overdue_look (due_at) values ('1970-01-01T00:00:00Z');

create function refuse_change() returns trigger language plpgsql as
$$ begin raise exception 'rows of % are never changed', tg_table_name; end $$;

create trigger audit_is_insert_only before update or delete on audit
for each row execute function refuse_change();
"""


TRACEABLE_EVENTS = (
    "alter table event_log add column partition int",
    'alter table event_log add column "offset" bigint',
    "alter table stream add column traceparent text",
)
"""What a later migration of every service adds: where in its topic an event lies, and the trace a stream began with."""

LEAST_LOG_DAYS = 90
DROPPED_BY_AGE = f"""
create or replace function refuse_change_of_the_young() returns trigger language plpgsql as
$$ begin
  if tg_op = 'DELETE' and old.at < now() - interval '{LEAST_LOG_DAYS} days' then return old; end if;
  raise exception 'rows of % are never changed', tg_table_name;
end $$
"""
"""What a later migration adds where a log of who looked at what, or signed in, is kept for a time only."""


def dropped_by_age(table: str) -> str:
    """Give the statement by which an insert-only table's rows may be deleted once they are old, and never changed."""
    return (
        f"create or replace trigger {table}_is_insert_only before update or delete on {table} "
        "for each row execute function refuse_change_of_the_young()"
    )


def never_emptied(*tables: str) -> tuple[str, ...]:
    """Give what a later migration adds to tables whose rows are never changed: they cannot be emptied either."""
    return tuple(
        f"create or replace trigger {table}_is_never_emptied before truncate on {table} "
        "for each statement execute function refuse_change()"
        for table in tables
    )


def plumbing_statements() -> list[str]:
    """Give the statements that create the plumbing, one by one."""
    statements = [statement.strip() for statement in _TABLES.split(";\n\n") if statement.strip()]
    statements = [statement.rstrip(";") for statement in statements]
    for table in ("event_log", "inbox"):
        statements.extend(
            f"create table {table}_{slot} partition of {table} for values in ({slot})" for slot in range(RING_SLOTS)
        )
    return _one_by_one(statements)


def _one_by_one(statements: list[str]) -> list[str]:
    """Split groups at line-ending semicolons, but leave a function's body alone."""
    singles: list[str] = []
    for statement in statements:
        parts = [statement] if "$$" in statement else statement.split(";\n")
        singles.extend(part.strip().rstrip(";") for part in parts if part.strip())
    return singles

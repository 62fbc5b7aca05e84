"""Create the timeline, the look-up index, the storefronts' feed and its webhooks."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FEED = (
    """
    create table timeline (
      id bigint generated always as identity primary key,
      order_id uuid not null,
      occurred_at timestamptz not null,
      recorded_at timestamptz not null,
      source text not null,
      fact text not null,
      audience text not null check (audience in ('public', 'internal')),
      actor text not null,
      details jsonb not null
    )
    """,
    "create index on timeline (order_id, id)",
    """
    create table look_up (
      kind text not null check (kind in ('number', 'reference', 'email', 'phone', 'tracking', 'name_postcode')),
      value text not null,
      order_id uuid not null,
      at timestamptz not null,
      primary key (value, kind, order_id)
    )
    """,
    "create index on look_up (order_id)",
    """
    create table storefront_feed (
      storefront_id uuid not null references storefront,
      test boolean not null,
      sequence bigint not null,
      dropped_until bigint not null default 0,
      primary key (storefront_id, test)
    )
    """,
    """
    create table public_event (
      ordinal bigint generated always as identity primary key,
      id uuid not null unique,
      storefront_id uuid not null references storefront,
      sequence bigint,
      type text not null,
      order_id uuid,
      reference text,
      test boolean not null,
      created_at timestamptz not null,
      data jsonb not null,
      unique (storefront_id, test, sequence)
    )
    """,
    "create index on public_event (ordinal) where sequence is null",
    "create index on public_event (created_at)",
    """
    create table webhook_endpoint (
      id uuid primary key,
      storefront_id uuid not null references storefront,
      url text not null,
      events text[] not null,
      secret text not null,
      previous_secret text,
      previous_secret_until timestamptz,
      test boolean not null,
      state text not null check (state in ('active', 'disabled')),
      created_at timestamptz not null,
      disabled_reason text
    )
    """,
    "create index on webhook_endpoint (storefront_id)",
    """
    create table webhook_delivery (
      id uuid primary key,
      endpoint_id uuid not null references webhook_endpoint,
      event_id uuid not null references public_event (id) on delete cascade,
      state text not null check (state in ('pending', 'delivered', 'failed')),
      attempts int not null,
      due_at timestamptz,
      lease_until timestamptz,
      retry_at timestamptz,
      created_at timestamptz not null,
      delivered_at timestamptz,
      last_status int,
      last_error text,
      check ((state = 'pending') = (due_at is not null))
    )
    """,
    "create index on webhook_delivery (due_at, id) where state = 'pending'",
    "create index on webhook_delivery (endpoint_id, id)",
    "create index on webhook_delivery (event_id)",
)


def upgrade() -> None:
    for statement in _FEED:
        op.execute(statement)

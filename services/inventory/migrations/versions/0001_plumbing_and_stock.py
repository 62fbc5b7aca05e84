"""Create the plumbing, SKUs, locations, stock with its ledger, inbounds and reservations."""

from alembic import op

from shared.tables import plumbing_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    """
    create table sku (
      code text primary key check (code <> ''),
      name text not null,
      weight_grams int not null check (weight_grams > 0),
      length_mm int not null check (length_mm > 0),
      width_mm int not null check (width_mm > 0),
      height_mm int not null check (height_mm > 0),
      requires_shipping boolean not null,
      active boolean not null,
      fragile boolean not null,
      version int not null default 1,
      saved_at timestamptz not null
    )
    """,
    """
    create table barcode (
      code text primary key check (code <> ''),
      sku text not null references sku,
      units int not null check (units > 0)
    )
    """,
    "create index on barcode (sku)",
    """
    create table location (
      code text primary key check (code <> ''),
      name text not null,
      company text,
      line1 text not null,
      line2 text,
      city text not null,
      region text,
      postal_code text not null,
      country_code text not null check (country_code ~ '^[A-Z]{2}$'),
      phone text,
      email text,
      zone text not null,
      time_zone text not null,
      cut_offs jsonb not null,
      holidays jsonb not null,
      active boolean not null,
      version int not null default 1,
      saved_at timestamptz not null
    )
    """,
    """
    create table bin (
      location text not null references location,
      sku text not null references sku,
      bin text not null,
      walk_order int not null check (walk_order >= 0),
      primary key (location, sku, bin)
    )
    """,
    """
    create table stock (
      sku text not null references sku,
      location text not null references location,
      on_hand int not null check (on_hand >= 0),
      reserved int not null check (reserved >= 0),
      damaged int not null check (damaged >= 0),
      quarantined int not null check (quarantined >= 0),
      safety_stock int not null default 0 check (safety_stock >= 0),
      version bigint not null default 1,
      changed_at timestamptz not null,
      primary key (sku, location),
      constraint stock_is_never_oversold check (on_hand - reserved - damaged - quarantined >= 0)
    ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)
    """,
    """
    create table ledger (
      id bigint generated always as identity primary key,
      at timestamptz not null,
      sku text not null,
      location text not null,
      act text not null,
      quantity int not null check (quantity > 0),
      on_hand int not null,
      reserved int not null,
      damaged int not null,
      quarantined int not null,
      document text not null,
      actor text not null,
      cause text not null
    )
    """,
    "create index on ledger (sku, location, id)",
    "create index on ledger (document, id)",
    """
    create trigger ledger_is_insert_only before update or delete on ledger
    for each row execute function refuse_change()
    """,
    """
    create table snapshot (
      sku text not null,
      location text not null,
      due_at timestamptz,
      sent_at timestamptz,
      primary key (sku, location)
    ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)
    """,
    "create index snapshot_due on snapshot (due_at) where due_at is not null",
    """
    create table refill (
      id bigint generated always as identity primary key,
      sku text not null,
      due_at timestamptz not null
    )
    """,
    "create index on refill (due_at)",
    """
    create table count_task (
      id uuid primary key,
      sku text not null,
      location text not null,
      reason text not null,
      opened_at timestamptz not null,
      done_at timestamptz,
      counted int check (counted >= 0),
      check ((done_at is null) = (counted is null))
    )
    """,
    "create unique index count_task_open on count_task (sku, location) where done_at is null",
    """
    create table inbound (
      id uuid primary key,
      kind text not null check (kind in ('purchase', 'transfer', 'return')),
      state text not null check (state in ('announced', 'arrived', 'receiving', 'closed')),
      location text not null references location,
      source text references location,
      reference text not null,
      expected_at timestamptz not null,
      announced_at timestamptz not null,
      since timestamptz not null,
      version int not null default 1,
      check ((kind = 'transfer') = (source is not null)),
      check (source <> location)
    )
    """,
    "create index on inbound (location, expected_at) where state <> 'closed'",
    """
    create table inbound_line (
      inbound_id uuid not null references inbound,
      sku text not null references sku,
      expected int not null check (expected >= 0),
      received int not null default 0 check (received >= 0),
      over int not null generated always as (greatest(received - expected, 0)) stored,
      short int not null generated always as (greatest(expected - received, 0)) stored,
      primary key (inbound_id, sku)
    )
    """,
    "create index on inbound_line (sku)",
    """
    create table order_demand (
      order_id uuid primary key,
      number text not null,
      service_level text not null,
      country_code text not null,
      postal_zone text not null,
      priority int not null,
      ship_by timestamptz not null,
      ship_after timestamptz,
      placed_at timestamptz not null,
      partial_shipments text not null,
      soft_until timestamptz,
      ended_at timestamptz
    ) with (fillfactor = 80)
    """,
    "create index order_demand_soft on order_demand (soft_until) where soft_until is not null",
    """
    create table reservation (
      id uuid primary key,
      order_id uuid not null references order_demand,
      line_id uuid not null,
      sku text not null,
      location text,
      quantity int not null check (quantity > 0),
      state text not null check (state in ('requested', 'soft_reserved', 'allocated', 'backordered', 'reallocating',
        'consumed', 'expired', 'released')),
      pinned text,
      expected_at timestamptz,
      cancellation_id uuid,
      since timestamptz not null,
      version int not null default 1,
      foreign key (sku, location) references stock,
      check (state not in ('soft_reserved', 'allocated', 'consumed') or location is not null),
      check (state not in ('requested', 'backordered', 'reallocating') or location is null),
      check (pinned is null or location is null or location = pinned),
      check (expected_at is null or state = 'backordered'),
      check (cancellation_id is null or state in ('allocated', 'released'))
    ) with (fillfactor = 80)
    """,
    "create index on reservation (order_id)",
    "create index reservation_holding on reservation (sku, location) where state in ('soft_reserved', 'allocated')",
    "create index reservation_waiting on reservation (sku) where state = 'backordered'",
    """
    create table avoided_location (
      line_id uuid not null,
      location text not null,
      sku text not null,
      reason text not null,
      at timestamptz not null,
      primary key (line_id, location)
    )
    """,
    "create index on avoided_location (sku, location)",
    """
    create table cancellation (
      id uuid primary key,
      order_id uuid not null,
      reason text not null,
      answered_at timestamptz not null,
      outcomes jsonb not null
    )
    """,
    "create index on cancellation (order_id)",
)


def upgrade() -> None:
    for statement in (*plumbing_statements(), *_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the first schema is not taken back: drop the database instead")

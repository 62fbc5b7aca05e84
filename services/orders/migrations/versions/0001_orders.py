"""Create the plumbing, storefronts, read copies, orders and what makes customers whole."""

from alembic import op

from shared.tables import plumbing_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STOREFRONTS = (
    """
    create table storefront (
      id uuid primary key,
      code text not null unique,
      name text not null,
      notifications text not null check (notifications in ('doorstep', 'storefront')),
      created_at timestamptz not null
    )
    """,
    """
    create table api_key (
      id uuid primary key,
      storefront_id uuid not null references storefront,
      prefix text not null,
      hash text not null unique,
      test boolean not null,
      label text not null,
      scopes text[] not null,
      created_at timestamptz not null,
      expires_at timestamptz,
      revoked_at timestamptz,
      revoked_by text
    )
    """,
    "create index on api_key (storefront_id)",
    """
    create table quote (
      id uuid primary key,
      storefront_id uuid not null references storefront,
      service_level text not null,
      country_code text not null,
      postal_zone text not null,
      basket text not null,
      location text,
      ship_by timestamptz not null,
      deliver_by_earliest timestamptz not null,
      deliver_by_latest timestamptz not null,
      expires_at timestamptz not null
    )
    """,
    "create index on quote (expires_at)",
)

_COPIES = (
    """
    create table sku_copy (
      sku text primary key,
      name text not null,
      weight_grams int not null,
      requires_shipping boolean not null,
      active boolean not null
    )
    """,
    """
    create table location_copy (
      code text primary key,
      name text not null,
      country_code text not null,
      postal_code text not null,
      zone text not null,
      time_zone text not null,
      cut_offs jsonb not null,
      holidays jsonb not null,
      active boolean not null
    )
    """,
    """
    create table stock_copy (
      sku text not null,
      location text not null,
      available int not null,
      backorderable boolean not null,
      next_available_at timestamptz,
      updated_at timestamptz not null,
      primary key (sku, location)
    )
    """,
    "create index on stock_copy (updated_at, sku)",
)

_ORDERS = (
    "create sequence order_number",
    """
    create table orders (
      id uuid primary key,
      number text not null unique,
      storefront_id uuid not null references storefront,
      reference text not null,
      fingerprint text not null,
      state text not null check (state in ('placed', 'open', 'completed', 'cancelled', 'rejected')),
      version int not null check (version > 0),
      test boolean not null,
      currency text not null,
      placed_at timestamptz not null,
      since timestamptz not null,
      updated_at timestamptz not null,
      due_at timestamptz,
      service_level text not null,
      priority int not null,
      ship_after timestamptz,
      customer jsonb not null,
      address jsonb not null,
      gift jsonb,
      storefront_metadata jsonb not null,
      country_code text not null,
      postal_zone text not null,
      time_zone text not null,
      origin_location text,
      partial_shipments text not null check (partial_shipments in ('none', 'allowed')),
      backorder text not null check (backorder in ('wait', 'cancel')),
      max_backorder_days int check (max_backorder_days >= 0),
      notifications text not null check (notifications in ('doorstep', 'storefront')),
      shipping_price bigint not null check (shipping_price >= 0),
      total bigint not null check (total >= 0),
      payment_status text not null,
      authorized bigint not null check (authorized >= 0),
      captured bigint not null check (captured >= 0),
      refunded bigint not null check (refunded >= 0),
      voided bigint not null check (voided >= 0),
      shipping_refunded bigint not null check (shipping_refunded between 0 and shipping_price),
      authorization_expires_at timestamptz,
      accepted_expiry timestamptz,
      reship_of uuid references orders,
      remedy_id uuid unique,
      exceptions jsonb not null,
      stock_ready_at timestamptz,
      holds_cleared_at timestamptz,
      released_at timestamptz,
      pick_started_at timestamptz,
      handed_over_at timestamptz,
      delivered_at timestamptz,
      release_due_at timestamptz,
      payment_due_at timestamptz,
      backorder_due_at timestamptz,
      authorization_due_at timestamptz,
      unique (storefront_id, test, reference)
    ) with (fillfactor = 70)
    """,
    "create index on orders (storefront_id, test, id)",
    "create index on orders (storefront_id, test, updated_at, id)",
    "create index on orders (reship_of) where reship_of is not null",
    "create index on orders (release_due_at) where release_due_at is not null",
    "create index on orders (payment_due_at) where payment_due_at is not null",
    "create index on orders (backorder_due_at) where backorder_due_at is not null",
    "create index on orders (authorization_due_at) where authorization_due_at is not null",
    """
    create table order_line (
      id uuid primary key,
      order_id uuid not null references orders,
      position int not null,
      reference text not null,
      sku text not null,
      name text not null,
      quantity int not null check (quantity >= 0),
      requires_shipping boolean not null,
      location text,
      unit_price bigint not null check (unit_price >= 0),
      discount bigint not null check (discount >= 0),
      tax bigint not null check (tax >= 0),
      total bigint not null check (total >= 0),
      properties jsonb,
      customs jsonb,
      reserved int not null check (reserved >= 0),
      backordered int not null check (backordered >= 0),
      given_back int not null check (given_back >= 0),
      allocations jsonb not null,
      expected_at timestamptz,
      picked int not null check (picked >= 0),
      packed int not null check (packed >= 0),
      handed_over int not null check (handed_over >= 0),
      delivered int not null check (delivered >= 0),
      lost int not null check (lost >= 0),
      returned int not null check (returned >= 0),
      cancelled int not null check (cancelled >= 0),
      put_back_due int not null check (put_back_due >= 0),
      put_back int not null check (put_back >= 0),
      written_off int not null check (written_off >= 0),
      given int not null check (given between 0 and quantity),
      made_whole int not null check (made_whole between 0 and quantity),
      refunded bigint not null check (refunded between 0 and total),
      unique (order_id, position),
      unique (order_id, reference)
    ) with (fillfactor = 70)
    """,
    """
    create table hold (
      id uuid primary key,
      order_id uuid not null references orders,
      reason text not null check (
        reason in ('fraud', 'address', 'payment', 'possible_duplicate', 'manual', 'customer_request')),
      state text not null check (state in ('open', 'released')),
      holder text not null,
      since timestamptz not null,
      due_at timestamptz,
      actor text not null,
      note text not null,
      released_at timestamptz,
      released_by text,
      check ((state = 'open') = (released_at is null))
    )
    """,
    "create unique index on hold (order_id, reason) where state = 'open'",
    "create index on hold (order_id)",
    """
    create table order_release (
      order_id uuid not null references orders,
      release_no int not null check (release_no > 0),
      line_id uuid not null references order_line,
      location text not null,
      sku text not null,
      quantity int not null check (quantity > 0),
      state text not null check (state in ('released', 'planned')),
      released_at timestamptz not null,
      due_at timestamptz,
      primary key (order_id, release_no, line_id, location)
    )
    """,
    """
    create table cancellation (
      id uuid primary key,
      order_id uuid not null references orders,
      reason text not null check (reason in ('customer', 'fraud', 'inventory', 'payment', 'staff', 'other')),
      actor text not null,
      note text not null,
      state text not null check (state in ('pending', 'answered')),
      lines jsonb not null,
      outcomes jsonb not null,
      requested_at timestamptz not null,
      due_at timestamptz,
      answered_at timestamptz,
      remedy_id uuid,
      check ((state = 'answered') = (answered_at is not null))
    )
    """,
    "create index on cancellation (order_id)",
    """
    create table promise (
      order_id uuid not null references orders,
      revision int not null check (revision > 0),
      ship_by timestamptz not null,
      deliver_by_earliest timestamptz,
      deliver_by_latest timestamptz not null,
      source text not null check (source in ('doorstep', 'storefront', 'agent')),
      made_at timestamptz not null,
      communicated_at timestamptz,
      reason text not null,
      attributed_to text not null,
      slip_minutes int not null,
      outcome text check (outcome in ('kept', 'broken', 'withdrawn')),
      settled_at timestamptz,
      primary key (order_id, revision),
      check ((outcome is null) = (settled_at is null))
    )
    """,
    """
    create table progress (
      order_id uuid not null,
      stage text not null,
      subject text not null,
      fact text not null,
      step text not null,
      holder text not null,
      since timestamptz not null,
      due_at timestamptz,
      unblock text not null,
      primary key (order_id, fact, subject)
    )
    """,
    """
    create table parcel (
      id uuid primary key,
      order_id uuid not null,
      fulfilment_id uuid,
      location text not null,
      contents jsonb not null,
      shipment_id uuid,
      carrier text not null,
      service text not null,
      tracking_number text not null,
      tracking_url text not null,
      position text not null,
      flags text[] not null,
      exception text not null,
      closed_at timestamptz,
      booked_at timestamptz,
      handed_over_at timestamptz,
      delivered_at timestamptz,
      scanned_at timestamptz,
      signed_by boolean not null,
      attempts int not null,
      place jsonb not null,
      estimate_at timestamptz,
      pickup_expires_at timestamptz,
      amount_due bigint
    ) with (fillfactor = 70)
    """,
    "create index on parcel (order_id)",
    "create index on parcel (shipment_id) where shipment_id is not null",
)

_MONEY = (
    """
    create table payment_report (
      id uuid primary key,
      order_id uuid not null references orders,
      type text not null check (type in ('authorized', 'captured', 'voided', 'refunded', 'failed')),
      amount bigint not null check (amount >= 0),
      reference text not null,
      shipment_id uuid,
      refund_id uuid,
      reported_at timestamptz not null
    )
    """,
    "create index on payment_report (order_id)",
    """
    create table remedy (
      id uuid primary key,
      order_id uuid not null references orders,
      case_id uuid not null,
      kind text not null,
      state text not null check (state in ('waiting', 'executed', 'refused')),
      since timestamptz not null,
      due_at timestamptz,
      reason text not null,
      granted_by text not null,
      lines jsonb not null,
      amount bigint,
      currency text,
      deliver_by_latest timestamptz,
      parcel_id uuid,
      reship_order_id uuid,
      refund_id uuid,
      cancellation_id uuid,
      code text,
      detail text
    )
    """,
    "create index on remedy (order_id)",
    "create index on remedy (since) where code = 'revived'",
    """
    create table refund (
      id uuid primary key,
      order_id uuid not null references orders,
      storefront_id uuid not null,
      remedy_id uuid not null unique references remedy,
      kind text not null check (kind in ('refund', 'shipping_refund', 'goodwill_credit', 'authorization_release')),
      amount bigint not null check (amount > 0),
      currency text not null,
      state text not null check (state in ('approved', 'requested', 'succeeded', 'failed')),
      since timestamptz not null,
      due_at timestamptz,
      lines jsonb not null,
      note text not null
    )
    """,
    "create index on refund (order_id)",
    "create index on refund (storefront_id, id) where state = 'requested'",
)


def upgrade() -> None:
    for statement in (*plumbing_statements(), *_STOREFRONTS, *_COPIES, *_ORDERS, *_MONEY):
        op.execute(statement)

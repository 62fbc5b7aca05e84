"""Create the plumbing and the shipping service's tables."""

from alembic import op

from shared.tables import plumbing_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATUSES = (
    "'pending', 'booking', 'booking_unknown', 'booking_failed', 'label_purchased', 'void_requested', 'voided', "
    "'void_refused', 'handed_over', 'picked_up', 'in_transit', 'out_for_delivery', 'delivery_attempted', "
    "'available_for_pickup', 'delivered', 'delivery_corrected', 'undeliverable', 'returning_to_sender', "
    "'returned_to_sender', 'lost'"
)

_TABLES = (
    """
    create table order_copy (
      order_id uuid primary key,
      reference text not null,
      service_level text not null,
      deliver_by timestamptz,
      test boolean not null,
      cancelled_at timestamptz
    )
    """,
    """
    create table location_copy (
      location text primary key
    )
    """,
    f"""
    create table shipment (
      id uuid primary key,
      order_id uuid not null,
      parcel_id uuid not null unique,
      location text not null,
      service_level text not null,
      country_code text not null,
      postal_zone text not null,
      weight_grams int not null check (weight_grams > 0),
      length_mm int not null check (length_mm > 0),
      width_mm int not null check (width_mm > 0),
      height_mm int not null check (height_mm > 0),
      contents jsonb not null check (jsonb_array_length(contents) > 0),
      status text not null check (status in ({_STATUSES})),
      since timestamptz not null,
      due_at timestamptz,
      flags text[] not null default '{{}}'
        check (flags <@ array['delayed', 'on_hold', 'damaged', 'voided_label_used']),
      failed_attempts int not null default 0 check (failed_attempts >= 0),
      label_id uuid,
      void_reason text,
      failure_code text,
      failure_reason text,
      handed_over_at timestamptz,
      delivered_at timestamptz,
      last_scan_at timestamptz,
      poll_due_at timestamptz,
      poll_not_before timestamptz,
      estimate_at timestamptz,
      estimate_p80_at timestamptz,
      estimate_source text check (estimate_source in ('carrier', 'doorstep')),
      version int not null default 1,
      created_at timestamptz not null,
      check ((status = 'booking_failed') = (failure_reason is not null)),
      check ((status = 'delivered') <= (delivered_at is not null))
    )
    """,
    "create index shipment_of_order on shipment (order_id)",
    "create index shipment_due on shipment (due_at) where due_at is not null",
    "create index shipment_poll on shipment (poll_due_at) where poll_due_at is not null",
    "create index shipment_listed on shipment (status, id)",
    """
    create table label (
      id uuid primary key,
      shipment_id uuid not null references shipment,
      parcel_id uuid not null,
      state text not null
        check (state in ('requested', 'live', 'void_requested', 'voided', 'void_refused', 'abandoned')),
      format text not null check (format in ('png', 'pdf', 'zpl')),
      adapter text not null,
      carrier_shipment_id text,
      rate_id text,
      tracker_id text,
      tracking_number text,
      tracking_url text,
      carrier text,
      service text,
      price_minor int check (price_minor >= 0),
      currency text,
      delivery_days int,
      url text,
      media_type text,
      requested_at timestamptz not null,
      bought_at timestamptz,
      void_requested_at timestamptz,
      void_settled_at timestamptz,
      check ((state in ('requested', 'abandoned')) = (bought_at is null)),
      check ((bought_at is null) = (tracking_number is null)),
      check ((state in ('void_requested', 'voided', 'void_refused')) <= (void_requested_at is not null)),
      unique (adapter, carrier_shipment_id)
    )
    """,
    # A label asked for may become live any moment, so it takes the parcel's one place as well.
    "create unique index one_live_label_per_parcel on label (parcel_id) where state in ('requested', 'live')",
    "create index label_of_shipment on label (shipment_id)",
    "create index label_tracking on label (tracking_number) where tracking_number is not null",
    "alter table shipment add foreign key (label_id) references label",
    """
    create table label_file (
      label_id uuid primary key references label,
      media_type text not null,
      content bytea not null,
      fetched_at timestamptz not null,
      forget_at timestamptz not null
    )
    """,
    "create index label_file_age on label_file (forget_at)",
    """
    create table carrier_job (
      label_id uuid primary key references label,
      shipment_id uuid not null references shipment,
      step text not null check (step in ('create', 'buy', 'fetch_label', 'void', 'check_refund')),
      due_at timestamptz not null,
      not_before timestamptz not null,
      leased_until timestamptz,
      sent_at timestamptz,
      attempts int not null default 0,
      last_error text not null default ''
    )
    """,
    "create index carrier_job_due on carrier_job (due_at, not_before)",
    """
    create table webhook_registration (
      url text primary key,
      registered_at timestamptz,
      not_before timestamptz not null
    )
    """,
    """
    create table tracking_event (
      id uuid primary key,
      tracking_number text not null,
      content text not null,
      shipment_id uuid references shipment,
      label_id uuid references label,
      source text not null check (source in ('webhook', 'poll', 'staff', 'test')),
      occurred_at timestamptz not null,
      recorded_at timestamptz not null,
      raw_status text not null,
      raw_detail text not null,
      message text not null,
      city text not null,
      region text not null,
      postal_code text not null,
      country_code text not null,
      position text,
      flags text[] not null default '{}',
      exception text,
      forced boolean not null default false,
      unique (tracking_number, content)
    )
    """,
    "create index tracking_event_of_label on tracking_event (label_id, occurred_at)",
    "create index tracking_event_of_shipment on tracking_event (shipment_id, occurred_at)",
    "create index tracking_event_unclaimed on tracking_event (tracking_number) where shipment_id is null",
    """
    create table finished_transit (
      shipment_id uuid not null references shipment,
      milestone text not null,
      lane text not null,
      minutes int not null check (minutes >= 0),
      finished_at timestamptz not null,
      primary key (shipment_id, lane, milestone)
    )
    """,
    "create index finished_transit_lane on finished_transit (lane, milestone, finished_at)",
    """
    create table transit_quantile (
      lane text not null,
      milestone text not null,
      parcels int not null,
      p50_minutes int not null,
      p80_minutes int not null,
      computed_at timestamptz not null,
      primary key (lane, milestone)
    )
    """,
    """
    create table transit_learning (
      only_row boolean primary key default true check (only_row),
      learned_at timestamptz not null
    )
    """,
    "insert into transit_learning (learned_at) values ('1970-01-01T00:00:00Z')",
)


def upgrade() -> None:
    for statement in (*plumbing_statements(), *_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the first schema is not taken back: drop the database instead")

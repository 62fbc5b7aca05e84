"""Create the plumbing and care's tables: watches, exceptions, cases, remedies, messages."""

from alembic import op

from shared.tables import plumbing_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FAMILIES = "'delivery', 'condition', 'stock', 'flow', 'operations'"
_LEVELS = "'at_risk', 'predicted', 'suspected', 'breached', 'confirmed'"
_PRIORITIES = "'P1', 'P2', 'P3', 'P4'"
_WORKED = "'open', 'in_progress', 'waiting_customer', 'waiting_carrier', 'waiting_warehouse', 'waiting_approval'"

# What the facts of the other services say; folded by handlers, read by rules.
_WATCH = (
    """
    create table watch (
      order_id uuid primary key,
      number text not null,
      storefront_id uuid not null,
      placed_at timestamptz not null,
      service_level text not null,
      country text not null,
      zone text not null,
      value_amount bigint not null,
      currency text not null,
      notifications text not null,
      reship_of uuid,
      ship_after timestamptz,
      promise_revision int not null,
      ship_by timestamptz not null,
      deliver_by timestamptz not null,
      first_deliver_by timestamptz not null,
      promise_outcome text,
      ended_at timestamptz,
      outcome text,
      delivered_at timestamptz,
      next_check_at timestamptz,
      checked_at timestamptz
    ) with (fillfactor = 80)
    """,
    "create index watch_due on watch (next_check_at) where next_check_at is not null",
    """
    create table watch_line (
      order_id uuid not null,
      line_id uuid not null,
      sku text not null,
      ordered int not null,
      requires_shipping boolean not null,
      backordered int not null default 0,
      expected_at timestamptz,
      cancelled int not null default 0,
      handed_over int not null default 0,
      short int not null default 0,
      short_reason text not null default '',
      made_whole int not null default 0,
      primary key (order_id, line_id)
    ) with (fillfactor = 80)
    """,
    """
    create table watch_step (
      order_id uuid not null,
      about text not null,
      step text not null,
      holder text not null,
      since timestamptz not null,
      due_at timestamptz,
      unblock text not null,
      told_by uuid not null,
      ended boolean not null,
      primary key (order_id, about)
    ) with (fillfactor = 80)
    """,
    """
    create table watch_fulfilment (
      fulfilment_id uuid primary key,
      order_id uuid not null,
      location text not null,
      cut_off_at timestamptz not null,
      planned_at timestamptz not null,
      started_at timestamptz,
      packed_at timestamptz,
      handed_over_at timestamptz,
      cancelled_at timestamptz,
      queue_depth int not null default 0,
      lines jsonb not null
    ) with (fillfactor = 80)
    """,
    "create index watch_fulfilment_order on watch_fulfilment (order_id)",
    """
    create table watch_parcel (
      parcel_id uuid primary key,
      order_id uuid not null,
      fulfilment_id uuid,
      location text not null default '',
      carrier text not null default '',
      service text not null default '',
      tracking_number text not null default '',
      hand_over text not null default '',
      handed_over_at timestamptz,
      position text not null default '',
      last_scan_at timestamptz,
      out_for_delivery_at timestamptz,
      flags text[] not null default '{}',
      attempts int not null default 0,
      pickup_expires_at timestamptz,
      carrier_estimate timestamptz,
      delivered_at timestamptz,
      contents jsonb not null default '[]',
      scans timestamptz[] not null default '{}'
    ) with (fillfactor = 80)
    """,
    "create index watch_parcel_order on watch_parcel (order_id)",
    "create index watch_parcel_hand_over on watch_parcel (hand_over)",
    (
        "create index watch_parcel_underway on watch_parcel (carrier) "
        "where handed_over_at is not null and delivered_at is null"
    ),
    """
    create table watch_report (
      id uuid primary key,
      order_id uuid not null,
      kind text not null check (kind in ('damage')),
      parcel_id uuid,
      reported_by text not null,
      comment text not null,
      reported_at timestamptz not null
    )
    """,
    "create index watch_report_order on watch_report (order_id)",
    """
    create table watch_location (
      location text primary key,
      country text not null
    )
    """,
    """
    create table carrier_feed (
      carrier text primary key,
      last_event_at timestamptz not null,
      next_check_at timestamptz not null,
      silent_since timestamptz
    )
    """,
    """
    create table sample (
      id bigint generated always as identity primary key,
      stage text not null,
      key text not null,
      finished_at timestamptz not null,
      hours double precision not null
    )
    """,
    "create index sample_finished on sample (finished_at)",
)

_EXCEPTIONS = (
    """
    create table incident (
      id uuid primary key,
      kind text not null,
      scope text not null,
      state text not null check (state in ('open', 'ended')),
      opened_at timestamptz not null,
      ended_at timestamptz,
      ended_by text,
      evidence jsonb not null
    )
    """,
    "create unique index one_open_incident on incident (kind, scope) where state = 'open'",
    f"""
    create table care_case (
      id uuid primary key,
      number text not null unique,
      order_id uuid not null,
      family text not null check (family in ({_FAMILIES})),
      kind text not null,
      level text not null check (level in ({_LEVELS})),
      state text not null check (state in ({_WORKED}, 'resolved', 'closed', 'self_healed', 'false_positive')),
      state_since timestamptz not null,
      dwell_due_at timestamptz,
      priority text not null check (priority in ({_PRIORITIES})),
      assignee text,
      opened_at timestamptz not null,
      promised_by timestamptz,
      value_amount bigint not null,
      currency text not null,
      next_action text not null,
      next_action_by text not null,
      next_action_due timestamptz,
      informed_at timestamptz,
      informed_how text,
      resolution text,
      resolution_reason text,
      resolved_at timestamptz,
      resolved_by text,
      reopened int not null default 0,
      follows uuid references care_case,
      held_since timestamptz,
      version int not null default 1,
      check (state <> 'resolved' or resolution is not null)
    ) with (fillfactor = 80)
    """,
    f"create unique index one_open_case on care_case (order_id, family) where state in ({_WORKED})",
    f"create index case_queue on care_case (next_action_due, id) where state in ({_WORKED})",
    "create index case_order on care_case (order_id)",
    "create index case_dwell on care_case (dwell_due_at) where dwell_due_at is not null",
    "create index case_held on care_case (held_since) where held_since is not null",
    "create sequence case_number",
    f"""
    create table exception (
      id uuid primary key,
      order_id uuid,
      kind text not null,
      subject text not null,
      rule text not null,
      version int not null,
      level text not null check (level in ({_LEVELS})),
      detected_at timestamptz not null,
      level_at timestamptz not null,
      cleared_at timestamptz,
      disposition text not null check (disposition in ('case', 'cleared', 'informed', 'suppressed', 'incident')),
      disposition_reason text not null,
      case_id uuid references care_case,
      incident_id uuid references incident,
      promise_revision int,
      promised_by timestamptz,
      evidence jsonb not null,
      check ((disposition = 'case') = (case_id is not null)),
      check ((disposition = 'incident') = (incident_id is not null)),
      check (disposition <> 'suppressed' or disposition_reason <> '')
    ) with (fillfactor = 80)
    """,
    "create unique index one_open_exception on exception (order_id, kind, subject) where cleared_at is null",
    "create index exception_case on exception (case_id) where case_id is not null",
    f"""
    create table exception_level (
      exception_id uuid not null references exception,
      at timestamptz not null,
      level text not null check (level in ({_LEVELS})),
      rule text not null,
      evidence jsonb not null,
      primary key (exception_id, at)
    )
    """,
    """
    create table case_clock (
      case_id uuid not null references care_case,
      kind text not null check (kind in ('notify', 'first_response', 'update', 'resolve')),
      target_seconds bigint not null,
      target_days int not null,
      started_at timestamptz not null,
      paused_seconds double precision not null default 0,
      paused_at timestamptz,
      fulfilled_at timestamptz,
      due_at timestamptz,
      told int not null default 0,
      breached_at timestamptz,
      alarm_at timestamptz,
      primary key (case_id, kind)
    ) with (fillfactor = 80)
    """,
    "create index case_clock_alarm on case_clock (alarm_at) where alarm_at is not null",
    """
    create table case_entry (
      id bigint generated always as identity primary key,
      case_id uuid not null references care_case,
      at timestamptz not null,
      actor text not null,
      act text not null,
      detail text not null default '',
      cause text not null default ''
    )
    """,
    "create index case_entry_case on case_entry (case_id, id)",
    (
        "create trigger case_entry_is_insert_only before update or delete on case_entry "
        "for each row execute function refuse_change()"
    ),
)

_REMEDIES = (
    """
    create table remedy (
      id uuid primary key,
      case_id uuid not null references care_case,
      order_id uuid not null,
      kind text not null check (kind in ('reship', 'refund', 'shipping_refund', 'goodwill_credit', 'new_promise',
        'cancel_line')),
      state text not null check (state in ('observed', 'waiting_approval', 'denied', 'granted', 'executed', 'refused')),
      dedupe text not null unique,
      cost bigint not null check (cost >= 0),
      amount bigint check (amount >= 0),
      currency text not null,
      lines jsonb not null,
      deliver_by timestamptz,
      parcel_id uuid,
      reason text not null,
      automatic boolean not null,
      asked_by text not null,
      asked_at timestamptz not null,
      decided_by text,
      authority text,
      granted_at timestamptz,
      settled_at timestamptz,
      dwell_due_at timestamptz,
      refusal_code text,
      refusal_detail text,
      reship_order_id uuid,
      refund_id uuid,
      check (decided_by is null or automatic or decided_by <> asked_by or state <> 'denied')
    ) with (fillfactor = 80)
    """,
    "create index remedy_case on remedy (case_id)",
    "create index remedy_order on remedy (order_id)",
    "create index remedy_dwell on remedy (dwell_due_at) where dwell_due_at is not null",
    """
    create table authority_use (
      person text not null,
      authority text not null,
      day date not null,
      currency text not null,
      spent bigint not null check (spent >= 0),
      primary key (person, authority, day, currency)
    )
    """,
    """
    create table message (
      id uuid primary key,
      order_id uuid not null,
      case_id uuid references care_case,
      storefront_id uuid not null,
      topic text not null,
      state_told text not null,
      promise_revision int not null,
      promised_by timestamptz,
      priority text not null,
      channel text not null check (channel in ('email', 'webhook')),
      state text not null check (state in ('planned', 'sent', 'suppressed', 'failed', 'observed')),
      silence text not null default '',
      facts jsonb not null,
      subject text not null default '',
      body text not null default '',
      created_at timestamptz not null,
      send_at timestamptz,
      sent_at timestamptz,
      leased_until timestamptz,
      attempts int not null default 0,
      last_error text not null default '',
      check (state <> 'suppressed' or silence <> ''),
      check (state <> 'planned' or send_at is not null)
    ) with (fillfactor = 80)
    """,
    (
        "create unique index told_once on message (order_id, topic, promise_revision, state_told) "
        "where state in ('planned', 'sent', 'observed')"
    ),
    "create index message_order on message (order_id)",
    "create index message_due on message (send_at) where state = 'planned'",
)


def upgrade() -> None:
    for statement in (*plumbing_statements(), *_WATCH, *_EXCEPTIONS, *_REMEDIES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the first schema is not taken back: drop the database instead")

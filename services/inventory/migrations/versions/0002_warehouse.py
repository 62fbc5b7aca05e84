"""Create the warehouse's work: fulfilment orders, pick lists and tasks, scans, parcels, hand-overs, shortfalls."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = (
    """
    create table warehouse_order (
      order_id uuid primary key references order_demand,
      number text not null,
      reference text not null,
      service_level text not null,
      country_code text not null,
      postal_zone text not null,
      ship_by timestamptz not null,
      priority int not null,
      placed_at timestamptz not null,
      ships_partially boolean not null,
      holds text[] not null default '{}',
      held_since timestamptz,
      ship_after timestamptz
    ) with (fillfactor = 80)
    """,
    """
    create table fulfilment (
      id uuid primary key,
      order_id uuid not null references warehouse_order,
      release_no int not null check (release_no > 0),
      part int not null check (part > 0),
      location text not null references location,
      state text not null check (state in ('open', 'in_progress', 'packed', 'handed_over', 'on_hold', 'incomplete',
        'cancel_requested', 'cancelled')),
      since timestamptz not null,
      version int not null default 1,
      cut_off_at timestamptz not null,
      planned_at timestamptz not null,
      started_at timestamptz,
      missing int not null default 0 check (missing >= 0),
      to_pick int not null default 0 check (to_pick >= 0),
      priority int not null,
      placed_at timestamptz not null,
      number text not null,
      reference text not null,
      unique (order_id, release_no, location, part)
    ) with (fillfactor = 70)
    """,
    """
    create index fulfilment_to_pick on fulfilment (location, cut_off_at, priority desc, placed_at, reference)
    where to_pick > 0
    """,
    """
    create index fulfilment_unfinished on fulfilment (location, cut_off_at)
    where state not in ('handed_over', 'cancelled')
    """,
    """
    create table pick_list (
      id uuid primary key,
      location text not null references location,
      mode text not null check (mode in ('single', 'multi_order_cart')),
      state text not null check (state in ('planned', 'assigned', 'picking', 'done')),
      since timestamptz not null,
      version int not null default 1,
      picker text,
      cut_off_at timestamptz not null,
      priority int not null,
      placed_at timestamptz not null,
      reference text not null,
      planned_at timestamptz not null,
      active_at timestamptz,
      check ((state in ('assigned', 'picking')) = (active_at is not null)),
      check (state not in ('assigned', 'picking') or picker is not null),
      check (state <> 'planned' or picker is null)
    ) with (fillfactor = 70)
    """,
    """
    create index pick_list_planned on pick_list (location, mode, cut_off_at, priority desc, placed_at, reference)
    where state = 'planned'
    """,
    "create index pick_list_active on pick_list (active_at) where active_at is not null",
    "create index pick_list_picker on pick_list (picker) where active_at is not null",
    """
    create table pick_list_tote (
      list_id uuid not null references pick_list,
      fulfilment_id uuid not null references fulfilment,
      tote text not null,
      primary key (list_id, fulfilment_id),
      unique (list_id, tote)
    )
    """,
    "create index on pick_list_tote (fulfilment_id)",
    """
    create table pick_task (
      id uuid primary key,
      fulfilment_id uuid not null references fulfilment,
      order_id uuid not null references warehouse_order,
      line_id uuid not null,
      sku text not null references sku,
      bin text not null,
      walk_order int not null,
      list_id uuid references pick_list,
      state text not null check (state in ('released', 'assigned', 'picked', 'short_picked', 'packed', 'handed_over',
        'put_back', 'cancelled')),
      since timestamptz not null,
      short_reason text,
      quantity int not null check (quantity > 0),
      picked int not null default 0 check (picked >= 0),
      shorted int not null default 0 check (shorted >= 0),
      cancelled int not null default 0 check (cancelled >= 0),
      boxed int not null default 0 check (boxed >= 0),
      packed int not null default 0 check (packed between 0 and boxed),
      handed_over int not null default 0 check (handed_over between 0 and packed),
      put_back_due int not null default 0 check (put_back_due >= 0),
      put_back int not null default 0 check (put_back >= 0),
      damaged int not null default 0 check (damaged >= 0),
      check (picked + shorted + cancelled <= quantity),
      check (boxed + put_back + damaged <= picked),
      check (handed_over + put_back_due + put_back + damaged <= picked)
    ) with (fillfactor = 70)
    """,
    "create index on pick_task (order_id)",
    "create index on pick_task (fulfilment_id)",
    "create index on pick_task (list_id) where list_id is not null",
    """
    create table pick_scan (
      id bigint generated always as identity primary key,
      list_id uuid not null references pick_list,
      task_id uuid not null references pick_task,
      barcode text not null,
      tote text not null,
      units int not null check (units > 0),
      picker text not null,
      scanned_at timestamptz not null,
      undone_at timestamptz
    )
    """,
    "create index on pick_scan (list_id, id) where undone_at is null",
    """
    create table parcel (
      id uuid primary key,
      fulfilment_id uuid not null references fulfilment,
      order_id uuid not null references warehouse_order,
      parcel_no int not null check (parcel_no > 0),
      location text not null references location,
      state text not null check (state in ('open', 'verified', 'closed', 'labelled', 'staged', 'handed_over',
        'discarded')),
      since timestamptz not null,
      version int not null default 1,
      packer text not null,
      weight_grams int check (weight_grams > 0),
      length_mm int check (length_mm > 0),
      width_mm int check (width_mm > 0),
      height_mm int check (height_mm > 0),
      tare_grams int not null default 0 check (tare_grams >= 0),
      expected_grams int check (expected_grams >= 0),
      label_state text not null default 'none' check (label_state in ('none', 'asked', 'live', 'failed', 'unknown',
        'voided')),
      label_problem text not null default '',
      shipment_id uuid,
      carrier text not null default '',
      service text not null default '',
      tracking_number text not null default '',
      hand_over_id uuid,
      unique (fulfilment_id, parcel_no),
      check (state in ('open', 'discarded') or weight_grams is not null),
      check (state not in ('labelled', 'staged') or label_state = 'live'),
      check ((state = 'handed_over') = (hand_over_id is not null))
    ) with (fillfactor = 70)
    """,
    "create index on parcel (order_id)",
    "create index on parcel (tracking_number) where tracking_number <> ''",
    """
    create table parcel_content (
      parcel_id uuid not null references parcel,
      task_id uuid not null references pick_task,
      quantity int not null check (quantity > 0),
      primary key (parcel_id, task_id)
    )
    """,
    "create index on parcel_content (task_id)",
    """
    create table hand_over (
      id uuid primary key,
      location text not null references location,
      carrier text not null,
      manifest text not null,
      actor text not null,
      at timestamptz not null
    )
    """,
    "alter table parcel add foreign key (hand_over_id) references hand_over",
    """
    create table shortfall (
      id uuid primary key,
      fulfilment_id uuid not null references fulfilment,
      order_id uuid not null references warehouse_order,
      line_id uuid not null,
      sku text not null references sku,
      state text not null check (state in ('open', 'healed', 'cancelled')),
      since timestamptz not null,
      version int not null default 1,
      opened_at timestamptz not null,
      quantity int not null check (quantity > 0),
      healed int not null default 0 check (healed >= 0),
      cancelled int not null default 0 check (cancelled >= 0),
      check (healed + cancelled <= quantity),
      check ((state = 'open') = (healed + cancelled < quantity))
    )
    """,
    "create index on shortfall (order_id)",
    """
    create table put_back (
      id uuid primary key,
      task_id uuid not null references pick_task,
      cancellation_id uuid,
      asked_at timestamptz not null,
      quantity int not null check (quantity > 0),
      done int not null default 0 check (done between 0 and quantity)
    )
    """,
    "create index put_back_due on put_back (task_id) where done < quantity",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: a fix is a new revision")

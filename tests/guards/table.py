"""Every lock, dedupe and version check once: its line, the line without it, and the test that fails then.

`make guards` removes each in a copy of the tree and shows its test go red. `OPEN` are the ones still without such a
test, by their file and the beginning of their line; a house rule finds a lock or dedupe that is in neither list.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """A guard: the one place of a file's text that is `line`, what stands there without it, the test it fails."""

    file: str
    line: str
    without: str
    test: str

    def __str__(self) -> str:
        """Name it."""
        return f"{self.file}: {self.line.strip().splitlines()[-1].strip()[:90]}"


_MESSAGES, _PARKING, _LOCKS = (
    "tests/shared/test_messages.py",
    "tests/shared/test_parking.py",
    "tests/shared/test_locks.py",
)
_RACES, _STOCK = "tests/inventory/test_races.py", "tests/inventory/test_locks.py"

GUARDS = (
    # Messages
    Guard("shared/idempotency.py", "on conflict do nothing returning scope, key", "returning scope, key",
          "tests/shared/test_repeating.py::test_a_twin_waits_for_the_first_and_gets_its_answer"),
    Guard("shared/inbox.py",
          "where (stream_position.epoch = excluded.epoch and stream_position.sequence = excluded.sequence - 1)",
          "where stream_position.epoch = excluded.epoch", f"{_MESSAGES}::test_a_redelivered_event_is_dropped"),
    Guard("shared/inbox.py", "  or stream_position.epoch < excluded.epoch\n", "",
          f"{_MESSAGES}::test_a_restored_producer_goes_on_in_a_new_epoch_and_its_former_life_is_refused"),
    Guard("shared/inbox.py",
          "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing",
          "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
          f"{_PARKING}::test_a_failing_event_that_arrives_again_is_parked_once"),
    Guard("shared/inbox.py", "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing",
          "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
          f"{_PARKING}::test_a_record_that_is_read_again_is_one_dead_letter"),
    Guard("shared/outbox.py", "on conflict (key) do update set sequence = stream.sequence + excluded.sequence,",
          "on conflict (key) do update set sequence = excluded.sequence,",
          f"{_MESSAGES}::test_events_of_one_order_written_at_once_arrive_in_the_order_of_their_commits"),
    Guard("shared/relay.py", "where pg_try_advisory_lock($2, shard)", "where $2::int > 0",
          "tests/shared/test_relay.py::test_two_relays_share_the_shards_and_the_one_that_stays_takes_over"),
    Guard("shared/relay.py",
          'on conflict (slot, key, epoch, sequence) do update set published_at = excluded.published_at,\n'
          '  partition = excluded.partition, "offset" = excluded."offset"\n', "",
          "tests/shared/test_relay.py::test_what_is_published_again_is_kept_once"),
    Guard("shared/parking.py", "select * from parked where event_id::text = $1 for update",
          "select * from parked where event_id::text = $1",
          f"{_PARKING}::test_of_two_who_give_an_event_up_the_second_is_told_that_it_is_gone"),
    Guard("shared/switches.py", '        "on conflict (kind, scope) do nothing",\n', "",
          f"{_LOCKS}::test_what_is_paused_twice_is_paused_once"),
    Guard("shared/overdue.py", "on conflict (kind, subject, due_at) do nothing\n", "",
          "tests/inventory/test_overdue.py::test_a_parcel_left_on_the_bench_is_overdue_until_it_leaves"),
    Guard("shared/migrate.py", 'connection.exec_driver_sql("select pg_advisory_lock(7302)")',
          'connection.exec_driver_sql("select 7302")',
          f"{_LOCKS}::test_two_migrators_of_one_database_wait_for_each_other"),
    # Stock
    Guard("services/inventory/queries/stock.py", "order by s.sku, s.location for no key update of s",
          "order by s.sku, s.location", f"{_STOCK}::test_an_adjustment_waits_for_stock_that_another_has_locked"),
    Guard("services/inventory/queries/stock.py",
          "in (select * from unnest($3::text[], $4::text[])))\norder by s.sku, s.location for no key update",
          "in (select * from unnest($3::text[], $4::text[])))\norder by s.sku, s.location",
          "tests/inventory/test_reserving.py::test_a_wave_waits_for_stock_that_another_has_locked"),
    Guard("services/inventory/queries/stock.py", '"order by k.sku, k.location on conflict do nothing"',
          '"order by k.sku, k.location"', f"{_STOCK}::test_first_receipts_of_one_article_at_once_are_both_booked"),
    Guard("services/inventory/queries/stock.py",
          '        "on conflict (sku, location) where done_at is null do nothing",\n', "",
          f"{_STOCK}::test_an_article_missed_twice_is_counted_once"),
    Guard("services/inventory/queries/reservations.py",
          "where order_id = any($1::uuid[]) order by order_id for no key update",
          "where order_id = any($1::uuid[]) order by order_id",
          f"{_RACES}::test_a_hand_over_and_a_cancellation_never_both_win"),
    Guard("services/inventory/queries/reservations.py",
          "where r.id = m.id and r.version = m.version and r.state = m.old", "where r.id = m.id",
          f"{_STOCK}::test_a_reservation_that_was_changed_meanwhile_is_not_changed_again"),
    Guard("services/inventory/queries/reservations.py", "limit $2 for no key update skip locked",
          "limit $2 for no key update",
          f"{_STOCK}::test_an_expiry_passes_over_orders_that_somebody_works_on"),
    Guard("services/inventory/queries/reservations.py", "limit $2 for no key update of d skip locked",
          "limit $2 for no key update of d",
          f"{_STOCK}::test_who_serves_backorders_passes_over_orders_that_somebody_works_on"),
    Guard("services/inventory/queries/reservations.py", "limit $3 for no key update of d skip locked",
          "limit $3 for no key update of d",
          f"{_STOCK}::test_who_displaces_passes_over_orders_that_somebody_works_on"),
    Guard("services/inventory/queries/reservations.py", '        "on conflict do nothing",\n', "",
          f"{_STOCK}::test_a_place_that_missed_a_line_twice_is_avoided_once"),
    Guard("services/inventory/queries/stock.py", "limit $2 for update skip locked", "limit $2 for update",
          f"{_STOCK}::test_of_two_who_publish_snapshots_the_second_passes_over_what_the_first_has"),
    Guard("services/inventory/actions/cancellations.py",
          "events = [event for event in events if event.event.cancellation_id not in answered]", "answered.clear()",
          "tests/inventory/test_cancelling.py::test_a_request_told_twice_in_two_events_is_answered_once"),
    Guard("services/inventory/queries/pick_lists.py", "limit $2 for no key update of o skip locked", "limit $2",
          f"{_STOCK}::test_who_takes_the_next_list_passes_over_orders_that_somebody_works_on"),
    Guard("services/inventory/queries/fulfilments.py",
          "where order_id = any($1::uuid[]) order by order_id for no key update",
          "where order_id = any($1::uuid[]) order by order_id",
          "tests/inventory/test_warehouse_planning.py::test_of_two_scans_of_the_last_unit_one_counts"),
    Guard("services/inventory/queries/stock.py",
          'f"select code, active from {table} where code = any($1::text[]) order by code for no key update"',
          'f"select code, active from {table} where code = any($1::text[]) order by code"',
          "tests/inventory/test_snapshots.py::"
          "test_what_is_switched_on_while_its_switching_off_is_told_is_told_as_on"),
    Guard("services/inventory/queries/skus.py",
          '"select * from unnest($1::text[], $2::text[], $3::text[], $4::int[]) on conflict do nothing"',
          '"select * from unnest($1::text[], $2::text[], $3::text[], $4::int[])"',
          "tests/inventory/test_stock_doors.py::test_a_bin_named_twice_is_one_bin"),
    Guard("services/inventory/queries/inbounds.py",
          'f"select {_INBOUND} from inbound where id = $1 for no key update"',
          'f"select {_INBOUND} from inbound where id = $1"',
          f"{_STOCK}::test_an_inbound_whose_last_units_come_in_at_two_docks_at_once_is_closed"),
    Guard("services/inventory/queries/reservations.py",
          '"select id, sku from refill where due_at <= $1 order by id limit 1 for update skip locked"',
          '"select id, sku from refill where due_at <= $1 order by id limit 1"',
          f"{_STOCK}::test_two_who_look_at_backorders_again_take_different_articles"),
    Guard("services/inventory/queries/reservations.py",
          "(select id from refill where sku = $1 for update skip locked)", "(select id from refill where sku = $1)",
          f"{_STOCK}::test_who_looks_at_backorders_again_passes_over_marks_that_somebody_works_on"),
    Guard("services/inventory/queries/pick_lists.py",
          "where id = any($1::uuid[]) and state <> 'done' order by id for no key update",
          "where id = any($1::uuid[]) and state <> 'done' order by id",
          f"{_STOCK}::test_a_cart_whose_orders_are_cancelled_at_the_same_time_is_done"),
    Guard("services/inventory/queries/pick_lists.py", '"select * from pick_list where id = $1 for no key update"',
          '"select * from pick_list where id = $1"',
          f"{_STOCK}::test_a_list_whose_last_unit_is_scanned_just_now_cannot_be_given_back"),
    Guard("services/inventory/queries/pick_lists.py", "order by active_at, id limit $3 for update skip locked)",
          "order by active_at, id limit $3)",
          f"{_STOCK}::test_an_idle_list_that_is_scanned_just_now_stays_with_its_picker"),
    Guard("services/inventory/queries/fulfilments.py", 'orders, "on conflict (order_id) do nothing")', "orders)",
          "tests/inventory/test_warehouse_planning.py::test_an_order_released_in_two_parts_is_planned_in_both"),
    # Orders
    Guard("services/orders/queries/orders.py", "order by id for no key update", "order by id",
          "tests/orders/test_cancelling_orders.py::test_a_cancellation_and_a_release_never_both_win"),
    Guard("services/orders/migrations/versions/0001_orders.py", "      unique (storefront_id, test, reference)\n",
          "      check (true)\n",
          "tests/orders/test_intake.py::test_competing_posts_of_one_reference_make_one_order"),
    Guard("services/orders/queries/feed.py",
          "on conflict (storefront_id, test) do update set sequence = storefront_feed.sequence",
          "on conflict (storefront_id, test) do nothing",
          "tests/orders/test_feed_and_webhooks.py::test_a_feed_is_numbered_without_gaps_whoever_commits_first"),
    Guard("services/orders/queries/feed.py",
          'await tx.execute("select from storefront where id = $1 for no key update", storefront_id)',
          'await tx.execute("select from storefront where id = $1", storefront_id)',
          "tests/orders/test_outgoing.py::test_a_storefront_has_twenty_endpoints_at_most"),
    Guard("services/orders/actions/amending.py", "    match(record.head.version)\n", "",
          "tests/orders/test_changing_orders.py::test_a_stale_edit_is_refused"),
    # Care
    Guard("services/care/queries/remedies.py", "where u.spent + excluded.spent <= $6::bigint\n", "",
          "tests/care/test_remedies.py::test_of_two_parallel_grants_against_what_is_left_of_the_day_exactly_one_passes"),
    Guard("services/care/queries/facts.py", '"select * from watch where order_id = $1 for no key update"',
          '"select * from watch where order_id = $1"',
          "tests/care/test_made_whole.py::test_a_report_made_while_the_parcel_leaves_is_about_it"),
    Guard("services/care/queries/cases.py", "limit 1 for update of c skip locked", "limit 1",
          "tests/care/test_casework.py::test_two_agents_who_pull_at_once_get_two_cases"),
    # Shipping
    Guard("services/shipping/queries/shipments.py", "query.with_for_update(key_share=True)", "query",
          "tests/shipping/test_locks.py::test_the_label_of_a_parcel_that_is_leaving_is_not_given_back"),
    Guard("services/shipping/queries/shipments.py", "order by poll_due_at limit $4 for no key update skip locked)",
          "order by poll_due_at limit $4)",
          "tests/shipping/test_polling.py::test_of_two_who_look_for_silent_parcels_one_asks_about_each"),
    Guard("services/shipping/queries/shipments.py",
          "select distinct unnest($1::text[]) on conflict do nothing", "select distinct unnest($1::text[])",
          "tests/shipping/test_pauses_and_voids.py::test_a_location_that_is_saved_again_is_still_one"),
    Guard("services/shipping/queries/labels.py", 'on conflict (label_id) do nothing"', '"',
          "tests/shipping/test_pauses_and_voids.py::test_a_label_fetched_twice_is_kept_as_it_was_first_printed"),
    Guard("services/shipping/queries/tracking.py", '"values ($1, $2, $3, $4, $5) on conflict do nothing"',
          '"values ($1, $2, $3, $4, $5)"',
          "tests/shipping/test_service.py::"
          "test_a_parcel_delivered_again_after_a_correction_teaches_what_it_taught_at_first"),
    Guard("services/shipping/queries/labels.py", "  for no key update of j, s skip locked\n", "",
          "tests/shipping/test_locks.py::test_of_two_who_would_call_the_carrier_for_a_label_one_does"),
    Guard("services/shipping/migrations/versions/0001_shipments.py", "create unique index one_live_label_per_parcel",
          "create index one_live_label_per_parcel",
          "tests/shipping/test_service.py::test_two_live_labels_for_one_parcel_are_refused_by_the_database"),
    Guard("services/shipping/queries/tracking.py", "on conflict (tracking_number, content) do nothing\n", "",
          "tests/shipping/test_locks.py::test_a_message_that_comes_twice_at_once_is_taken_once"),
    Guard("services/orders/queries/erasures.py", "on conflict (order_id) do nothing returning order_id",
          "returning order_id", "tests/orders/test_erasing.py::test_who_asked_and_who_looked_stays_on_record"),
)  # fmt: skip

OPEN: tuple[tuple[str, str], ...] = (
    ("services/care/queries/remedies.py", '"and resend_of is null order by promise_revision desc, id desc limit 1 for'),
    ("services/console/queries/staff.py", 'await tx.execute("select pg_advisory_xact_lock(hashtext($1))", f"identity'),
    ("services/console/queries/staff.py", "return await tx.session.get(PasswordLink, token_hash, with_for_update"),
    ("services/care/queries/cases.py", '"on conflict do nothing",'),
    ("services/care/queries/cases.py", ".with_for_update()"),
    ("services/care/queries/cases.py", ".with_for_update(skip_locked=True)"),
    (
        "services/care/queries/cases.py",
        '_LOCK_HELD = f"select c.id {_HELD} order by c.held_since, c.id limit $1 for update of',
    ),
    (
        "services/care/queries/cases.py",
        "found = await tx.session.exec(select(Case).where(Case.id == case_id).with_for_update()",
    ),
    (
        "services/care/queries/customers.py",
        'await tx.execute("select pg_advisory_xact_lock(hashtext($1))", f"evidence {order_id}")',
    ),
    (
        "services/care/queries/facts.py",
        "select * from watch where next_check_at <= $1 order by next_check_at, order_id limit $",
    ),
    ("services/care/queries/fold.py", "on conflict (order_id) do nothing"),
    ("services/care/queries/fold.py", "on conflict (order_id, line_id) do nothing"),
    (
        "services/care/queries/fold.py",
        "select order_id from watch where order_id = any($1::uuid[]) order by order_id for no k",
    ),
    (
        "services/care/queries/incidents.py",
        '"from carrier_feed f where f.next_check_at <= $1 order by f.carrier limit $2 for updat',
    ),
    ("services/care/queries/incidents.py", ".with_for_update()"),
    (
        "services/care/queries/incidents.py",
        "found = await tx.session.exec(select(Incident).where(Incident.id == incident_id).with_",
    ),
    ("services/care/queries/remedies.py", ".with_for_update(skip_locked=True)"),
    (
        "services/care/queries/remedies.py",
        "found = await tx.session.exec(select(Message).where(Message.id == message_id).with_for",
    ),
    (
        "services/care/queries/remedies.py",
        "found = await tx.session.exec(select(Remedy).where(Remedy.id == remedy_id).with_for_up",
    ),
    ("services/care/queries/remedies.py", "order by {_DUE_AT}, m.id limit $3 for update skip locked"),
    ("services/console/queries/staff.py", 'await tx.execute("select pg_advisory_xact_lock(hashtext($1))", login)'),
    (
        "services/orders/queries/feed.py",
        '"select * from webhook_endpoint where id = $1 and storefront_id = $2 for no key update',
    ),
    ("services/orders/queries/feed.py", "order by d.due_at, d.id limit $4 for update of d skip locked"),
    (
        "services/orders/queries/storefronts.py",
        'row = await tx.row("select * from api_key where id = $1 for no key update", key_id)',
    ),
)

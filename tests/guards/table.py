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
_CARE, _CONSOLE, _ORDERS = "tests/care/test_locks.py", "tests/console/test_locks.py", "tests/orders/test_locks.py"
_PASSED_OVER = f"{_CARE}::test_what_is_due_while_somebody_works_on_it_is_passed_over"
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
          "tests/inventory/test_warehouse_planning.py::test_two_pickers_at_once_get_different_orders"),
    Guard("services/inventory/queries/fulfilments.py",
          "where order_id = any($1::uuid[]) order by order_id for no key update",
          "where order_id = any($1::uuid[]) order by order_id",
          "tests/inventory/test_warehouse_planning.py::test_of_two_scans_of_the_last_unit_one_counts"),
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
    Guard("services/orders/queries/feed.py", "order by d.due_at, d.id limit $4 for update of d skip locked",
          "order by d.due_at, d.id limit $4",
          f"{_ORDERS}::test_of_two_who_send_webhooks_the_second_passes_over_what_the_first_has"),
    Guard("services/orders/queries/feed.py",
          '"select * from webhook_endpoint where id = $1 and storefront_id = $2 for no key update"',
          '"select * from webhook_endpoint where id = $1 and storefront_id = $2"',
          f"{_ORDERS}::test_an_endpoint_that_is_disabled_while_its_secret_is_rotated_stays_disabled"),
    Guard("services/orders/queries/storefronts.py", '"select * from api_key where id = $1 for no key update"',
          '"select * from api_key where id = $1"',
          f"{_ORDERS}::test_a_key_that_is_revoked_while_somebody_rotates_it_stays_revoked"),
    # Care
    Guard("services/care/queries/remedies.py", "where u.spent + excluded.spent <= $6::bigint\n", "",
          "tests/care/test_remedies.py::test_of_two_parallel_grants_against_what_is_left_of_the_day_exactly_one_passes"),
    Guard("services/care/queries/facts.py", '"select * from watch where order_id = $1 for no key update"',
          '"select * from watch where order_id = $1"',
          "tests/care/test_made_whole.py::test_a_report_made_while_the_parcel_leaves_is_about_it"),
    Guard("services/care/queries/cases.py", "limit 1 for update of c skip locked", "limit 1",
          "tests/care/test_casework.py::test_two_agents_who_pull_at_once_get_two_cases"),
    Guard("services/care/queries/facts.py", "limit $2 for no key update skip locked", "limit $2", _PASSED_OVER),
    Guard("services/care/queries/incidents.py", "limit $2 for update of f skip locked", "limit $2", _PASSED_OVER),
    Guard("services/care/queries/cases.py", "order by c.id for update of c skip locked", "order by c.id", _PASSED_OVER),
    Guard("services/care/queries/cases.py", "c.id limit $1 for update of c skip locked", "c.id limit $1", _PASSED_OVER),
    Guard("services/care/queries/cases.py", "        .limit(limit)\n        .with_for_update(skip_locked=True)\n",
          "        .limit(limit)\n", _PASSED_OVER),
    Guard("services/care/queries/remedies.py", "        .limit(limit)\n        .with_for_update(skip_locked=True)\n",
          "        .limit(limit)\n", _PASSED_OVER),
    Guard("services/care/queries/remedies.py", "m.id limit $3 for update skip locked", "m.id limit $3", _PASSED_OVER),
    Guard("services/care/queries/cases.py", "select(Case).where(Case.id == case_id).with_for_update()",
          "select(Case).where(Case.id == case_id)",
          f"{_CARE}::test_of_two_who_change_the_case_they_saw_the_second_is_told_to_look_again"),
    Guard("services/care/queries/cases.py", "        .limit(1)\n        .with_for_update()\n", "        .limit(1)\n",
          f"{_CARE}::test_trouble_that_comes_while_an_agent_ends_or_reopens_its_case_is_worked_in_it"),
    Guard("services/care/queries/remedies.py", "select(Remedy).where(Remedy.id == remedy_id).with_for_update()",
          "select(Remedy).where(Remedy.id == remedy_id)",
          f"{_CARE}::test_a_remedy_that_is_approved_and_denied_at_once_is_decided_once"),
    Guard("services/care/queries/remedies.py", "id desc limit 1 for update skip locked", "id desc limit 1",
          f"{_CARE}::test_what_happens_while_a_message_leaves_is_told_in_another"),
    Guard("services/care/queries/remedies.py", "select(Message).where(Message.id == message_id).with_for_update()",
          "select(Message).where(Message.id == message_id)",
          f"{_CARE}::test_a_message_that_two_send_again_at_once_leaves_once_more"),
    Guard("services/care/queries/incidents.py", "where i.id = $1 for no key update of f", "where i.id = $1",
          f"{_CARE}::test_an_incident_that_ends_by_itself_while_somebody_ends_it_is_ended_once"),
    Guard("services/care/queries/cases.py",
          '        "on conflict (exception_id, at) do update set level = excluded.level, rule = excluded.rule, "\n'
          '        "evidence = excluded.evidence",\n', '        "",\n',
          f"{_CARE}::test_a_trouble_that_grows_twice_in_one_moment_is_kept_as_it_is_then"),
    Guard("services/care/queries/fold.py", "order by order_id for no key update", "order by order_id",
          f"{_CARE}::test_facts_of_several_orders_take_them_in_one_order"),
    # Console
    Guard("services/console/queries/staff.py",
          '    await tx.execute("select pg_advisory_xact_lock(hashtext($1))", f"identity {identity}")\n', "",
          f"{_CONSOLE}::test_a_first_sign_in_through_the_provider_from_two_browsers_makes_one_account"),
    Guard("services/console/queries/staff.py", ", token_hash, with_for_update=True)", ", token_hash)",
          f"{_CONSOLE}::test_a_link_that_two_use_at_once_sets_one_password"),
    Guard("services/console/queries/staff.py",
          '    await tx.execute("select pg_advisory_xact_lock(hashtext($1))", login)\n', "",
          f"{_CONSOLE}::test_wrong_passwords_tried_at_once_are_counted_each"),
    # Shipping
    Guard("services/shipping/queries/labels.py", "  for no key update of j, s skip locked\n", "",
          "tests/shipping/test_booking.py::test_benches_that_ask_together_share_one_label"),
    Guard("services/shipping/migrations/versions/0001_shipments.py", "create unique index one_live_label_per_parcel",
          "create index one_live_label_per_parcel",
          "tests/shipping/test_service.py::test_two_live_labels_for_one_parcel_are_refused_by_the_database"),
    Guard("services/shipping/queries/tracking.py", "on conflict (tracking_number, content) do nothing\n", "",
          "tests/shipping/test_tracking.py::test_the_same_scans_in_any_order_end_in_the_same_place"),
    Guard("services/orders/queries/erasures.py", "on conflict (order_id) do nothing returning order_id",
          "returning order_id", "tests/orders/test_erasing.py::test_who_asked_and_who_looked_stays_on_record"),
)  # fmt: skip

OPEN: tuple[tuple[str, str], ...] = (
    ("services/inventory/queries/locations.py", '"select code, active from location where code = any'),
    ("services/inventory/queries/skus.py", '"select code, active from sku where code = any'),
    (
        "services/inventory/queries/fulfilments.py",
        'await _insert(tx, "warehouse_order", _ORDER_COLUMNS, orders, "on conflict (order_id) d',
    ),
    (
        "services/inventory/queries/inbounds.py",
        'row = await tx.row(f"select {_INBOUND} from inbound where id = $1 for no key update",',
    ),
    (
        "services/inventory/queries/pick_lists.py",
        "_LOCK = \"select id from pick_list where id = any($1::uuid[]) and state <> 'done' order",
    ),
    (
        "services/inventory/queries/pick_lists.py",
        'row = await tx.row("select * from pick_list where id = $1 for no key update", list_id)',
    ),
    (
        "services/inventory/queries/pick_lists.py",
        "where l.id in (select id from pick_list where active_at <= $2 order by active_at, id l",
    ),
    (
        "services/inventory/queries/reservations.py",
        '"delete from refill where id in (select id from refill where sku = $1 for update skip',
    ),
    (
        "services/inventory/queries/reservations.py",
        '"select id, sku from refill where due_at <= $1 order by id limit 1 for update skip loc',
    ),
    (
        "services/inventory/queries/skus.py",
        '"select * from unnest($1::text[], $2::text[], $3::text[], $4::int[]) on conflict do no',
    ),
    ("services/shipping/queries/labels.py", '"on conflict (label_id) do nothing",'),
    (
        "services/shipping/queries/shipments.py",
        '"insert into location_copy (location) select distinct unnest($1::text[]) on conflict d',
    ),
    (
        "services/shipping/queries/shipments.py",
        "found = await tx.session.exec(query.order_by(col(Shipment.id)).with_for_update(key_sha",
    ),
    (
        "services/shipping/queries/shipments.py",
        "found = await tx.session.exec(select(Shipment).where(Shipment.id == shipment_id).with_",
    ),
    ("services/shipping/queries/shipments.py", "on conflict (order_id) do nothing"),
    ("services/shipping/queries/shipments.py", "order by poll_due_at limit $4 for no key update skip locked)"),
    ("services/shipping/queries/tracking.py", '"values ($1, $2, $3, $4, $5) on conflict do nothing",'),
    ("services/shipping/queries/webhooks.py", '"for update skip locked) returning url",'),
    (
        "services/inventory/queries/locations.py",
        '"select code, active from location where code = any($1::text[]) order by code fo',
    ),
    (
        "services/inventory/queries/skus.py",
        '"select code, active from sku where code = any($1::text[]) order by code for no',
    ),
)

"""The guards of the plumbing: what is sent and read once and in order, and whose turn it is."""

from tests.guards.guard import Guard

_MESSAGES, _PARKING, _LOCKS = (
    "tests/shared/test_messages.py",
    "tests/shared/test_parking.py",
    "tests/shared/test_locks.py",
)
_RELAY = "tests/shared/test_relay.py"
_WRITES = "tests/shared/test_writes.py"
_DRAINED = "tests/shared/test_kafka_traps.py::test_a_rebalance_waits_for_the_batch_at_hand_and_its_offsets"

PLUMBING = (
    # Messages
    Guard("shared/idempotency.py", "on conflict do nothing returning scope, key", "returning scope, key",
          "tests/shared/test_repeating.py::test_a_twin_waits_for_the_first_and_gets_its_answer"),
    Guard("shared/inbox.py",
          "where (stream_position.epoch = excluded.epoch and stream_position.sequence = excluded.sequence - $6)",
          "where stream_position.epoch = excluded.epoch", f"{_MESSAGES}::test_a_redelivered_event_is_dropped"),
    Guard("shared/consumer.py", "                seen.add(envelope.stream)\n", "",
          "tests/shared/test_waves.py::test_events_that_come_again_are_dropped_and_those_behind_them_applied"),
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
          f"{_RELAY}::test_two_relays_share_the_shards_and_the_one_that_stays_takes_over"),
    Guard("shared/relay.py",
          'on conflict (slot, key, epoch, sequence) do update set published_at = excluded.published_at,\n'
          '  partition = excluded.partition, "offset" = excluded."offset"\n', "",
          f"{_RELAY}::test_what_is_published_again_is_kept_once"),
    Guard("shared/relay.py",
          "                await self._acknowledge(connection)\n            self._read_from_the_beginning()\n",
          "                await self._acknowledge(connection)\n",
          f"{_RELAY}::test_a_relay_that_takes_a_shard_over_sends_what_waits_there_from_its_beginning"),
    Guard("shared/relay.py", ' and self._marks[0][0] <= rows[0]["oldest_running"]:', ":",
          f"{_RELAY}::test_an_event_that_commits_long_after_its_number_was_drawn_is_still_sent_before_the_next"),
    Guard("shared/parking.py", "select * from parked where event_id::text = $1 for update",
          "select * from parked where event_id::text = $1",
          f"{_PARKING}::test_of_two_who_give_an_event_up_the_second_is_told_that_it_is_gone"),
    Guard("shared/switches.py", '"on conflict (kind, scope) do nothing",', '"",',
          f"{_LOCKS}::test_what_is_paused_twice_is_paused_once"),
    Guard("shared/overdue.py", "on conflict (kind, subject, due_at) do nothing\n", "",
          "tests/inventory/test_overdue.py::test_a_parcel_left_on_the_bench_is_overdue_until_it_leaves"),
    Guard("shared/jobs.py", "await db.with_retries(keep)", "await keep()",
          "tests/shared/test_batch_and_jobs.py::test_what_was_done_outside_is_recorded_though_its_record_meets_competition"),
    Guard("shared/migrate.py", 'connection.exec_driver_sql("select pg_advisory_lock(7302)")',
          'connection.exec_driver_sql("select 7302")',
          f"{_LOCKS}::test_two_migrators_of_one_database_wait_for_each_other"),
    # What is written together
    Guard("shared/db.py", "        if table in self._writes:\n            await self.connection()\n", "",
          f"{_WRITES}::test_the_second_change_of_a_table_sees_the_first"),
    Guard("shared/db.py", "if self._writes or not writes.only_reads(sql):", "if self._writes:",
          f"{_WRITES}::test_a_late_transaction_begins_with_its_first_lock_or_change"),
    Guard("shared/db.py", "            self._writes.clear()", "            pass",
          f"{_WRITES}::test_a_savepoint_undoes_what_was_queued_within_it_and_nothing_before"),
    # Turns within a process
    Guard("shared/kafka.py", "async with self._enqueue:", "if True:",
          "tests/shared/test_sending.py::test_of_two_who_send_at_once_the_second_comes_after_all_of_the_first"),
    Guard("shared/consumer.py", "async with self._lock:\n            if self._group",
          "if True:\n            if self._group",
          _DRAINED),
    Guard("shared/consumer.py", "async with self._lock:\n                await self._apply_batch(records)",
          "if True:\n                await self._apply_batch(records)", _DRAINED),
    Guard("shared/consumer.py", "async with self._lock:\n                    await group.commit()",
          "if True:\n                    await group.commit()",
          "tests/shared/test_kafka_traps.py::test_a_rebalance_waits_for_the_commit_at_hand"),
    Guard("shared/parking.py", "async with self._lock:", "if True:",
          f"{_PARKING}::test_while_a_stream_is_tried_whoever_would_try_it_too_waits_and_takes_no_connection"),
    Guard("shared/kept.py", "async with self._turn:", "if True:",
          f"{_LOCKS}::test_two_who_ask_on_one_connection_take_turns"),
)  # fmt: skip

-- $1 orders whose units have left the house within the last 400 days: demand, reservations, ledger and streams.
create unlogged table bench_history as
select n, uuidv7(-interval '400 days' + n * interval '30 seconds') as order_id,
  now() - interval '400 days' + n * interval '30 seconds' as at
from generate_series(1, $1) as n;

insert into order_demand
select r.* from bench_history h, (select d from order_demand d order by order_id desc limit 1) as t,
  lateral jsonb_populate_record(t.d, jsonb_build_object(
    'order_id', h.order_id, 'number', 'OLD' || h.n, 'placed_at', h.at, 'ship_by', h.at, 'ended_at', h.at)) as r;

insert into reservation
select r.* from bench_history h, generate_series(1, 3) as place,
  (select v from reservation v where v.location is not null order by id desc limit 1) as t,
  lateral jsonb_populate_record(t.v, jsonb_build_object(
    'id', uuidv7(h.at - now()), 'order_id', h.order_id, 'line_id', uuidv7(h.at - now()), 'state', 'consumed',
    'since', h.at, 'sku', 'BENCH-' || lpad(((h.n * 7 + place * 3331) % 10000 + 1)::text, 5, '0'))) as r;

insert into ledger (at, sku, location, act, quantity, on_hand, reserved, damaged, quarantined, document, actor, cause)
select h.at, 'BENCH-' || lpad(((h.n * 7 + place * 3331) % 10000 + 1)::text, 5, '0'), 'HAM', a.act, 1, a.on_hand,
  a.reserved, 0, 0, 'order:' || h.order_id, 'history', 'history'
from bench_history h, generate_series(1, 3) as place,
  (values ('reserve', 0, 1), ('hand_over', -1, -1)) as a(act, on_hand, reserved);

insert into stream (key, sequence) select order_id::text, 6 from bench_history;

insert into stream_position (consumer, source, key, sequence)
select 'inventory', 'orders', order_id::text, 6 from bench_history;

drop table bench_history;

-- $1 orders that were delivered within the last 400 days, each like the newest one, with what it leaves behind.
-- No number of ours has an O or an L: theirs can be nobody else's.
create unlogged table bench_history as
select n, uuidv7(-interval '400 days' + n * interval '30 seconds') as order_id,
  now() - interval '400 days' + n * interval '30 seconds' as at
from generate_series(1, $1) as n;

insert into orders
select r.* from bench_history h, (select o from orders o order by id desc limit 1) as t,
  lateral jsonb_populate_record(t.o, jsonb_build_object(
    'id', h.order_id, 'number', 'OLD' || h.n, 'reference', 'history-' || h.n, 'state', 'completed', 'due_at', null,
    'placed_at', h.at, 'since', h.at, 'updated_at', h.at, 'delivered_at', h.at,
    'customer', jsonb_build_object('email', 'history.' || h.n || '@example.com',
      'phone', '+49161' || lpad(h.n::text, 8, '0')),
    'address', (t.o).address || jsonb_build_object('name', 'History ' || h.n))) as r;

insert into order_line
select r.* from bench_history h, generate_series(1, 3) as place, (select l from order_line l order by id desc limit 1) as t,
  lateral jsonb_populate_record(t.l, jsonb_build_object(
    'id', uuidv7(h.at - now()), 'order_id', h.order_id, 'position', place, 'reference', place::text,
    'sku', 'BENCH-' || lpad(((h.n * 7 + place * 3331) % 10000 + 1)::text, 5, '0'), 'delivered', (t.l).quantity)) as r;

insert into promise
select r.* from bench_history h, (select p from promise p order by order_id desc limit 1) as t,
  lateral jsonb_populate_record(t.p, jsonb_build_object(
    'order_id', h.order_id, 'revision', 1, 'made_at', h.at, 'outcome', 'kept', 'settled_at', h.at)) as r;

insert into look_up (kind, value, order_id, at)
select k.kind, k.value, h.order_id, h.at from bench_history h, lateral (values
  ('number', 'old' || h.n), ('reference', 'history-' || h.n), ('email', 'history.' || h.n || '@example.com'),
  ('phone', right('49161' || lpad(h.n::text, 8, '0'), 9)), ('name_postcode', 'history' || h.n || '20457'),
  ('tracking', 'track' || h.n)) as k(kind, value);

insert into look_up (kind, value, order_id, at)
select 'email', 'regular@example.com', h.order_id, h.at from bench_history h where h.n % 1000 = 0;

insert into timeline (order_id, occurred_at, recorded_at, source, fact, audience, actor, details)
select h.order_id, h.at, h.at, f.source, f.fact, 'public', f.source, '{}'
from bench_history h, (values ('orders', 'order_placed'), ('orders', 'promise_made'), ('orders', 'order_released'),
  ('shipping', 'shipment_delivered'), ('orders', 'order_completed')) as f(source, fact);

insert into stream (key, sequence) select order_id::text, 6 from bench_history;

insert into stream_position (consumer, source, key, sequence)
select 'orders', s.source, h.order_id::text, 6 from bench_history h, (values ('inventory'), ('shipping')) as s(source);

drop table bench_history;

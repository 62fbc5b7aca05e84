-- (b) Three conditional updates of stock over 10,000 SKUs, three reservation rows and one outbox row.
-- The SKUs are sorted, as whoever locks several rows has to, or two transactions would wait for each other for ever.
\set one random(1, 10000)
\set two random(2, 10000)
\set three random(2, 10000)
\set low least(:one, :two, :three)
\set high greatest(:one, :two, :three)
\set middle :one + :two + :three - :low - :high
\set order random(1, 1000000000)
begin;
update stock set available = available - 1 where sku = :low and available >= 1;
update stock set available = available - 1 where sku = :middle and available >= 1;
update stock set available = available - 1 where sku = :high and available >= 1;
insert into reservation (order_id, sku, quantity) values (:order, :low, 1), (:order, :middle, 1), (:order, :high, 1);
insert into outbox (topic, key, payload) values ('inventory', :order,
  '{"lines": [{"sku": "BENCH-00001", "reserved": 1}, {"sku": "BENCH-00002", "reserved": 1},
    {"sku": "BENCH-00003", "reserved": 1}], "step": "allocated"}');
commit;

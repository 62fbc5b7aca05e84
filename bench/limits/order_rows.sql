-- (a) One order row, three line rows and one outbox row: the least that taking an order in can write.
\set reference random(1, 1000000000)
\set sku random(1, 10000)
begin;
insert into orders (storefront_id, reference, state, currency, total, customer, address)
values (1, :reference, 'placed', 'EUR', 4360,
  '{"email": "ann@example.com", "phone": "+49 151 2345678", "locale": "en"}',
  '{"name": "Ann Example", "line1": "1 Harbour Road", "city": "Hamburg", "postal_code": "20457", "country_code": "DE"}')
returning id \gset
insert into order_line (order_id, position, sku, quantity, unit_price)
values (:id, 1, :sku, 1, 1290), (:id, 2, :sku, 1, 1290), (:id, 3, :sku, 1, 1290);
insert into outbox (topic, key, payload) values ('orders', :id,
  '{"reference": "1001", "currency": "EUR", "total": 4360, "country_code": "DE", "postal_zone": "204", "lines": [
    {"sku": "BENCH-00001", "quantity": 1}, {"sku": "BENCH-00002", "quantity": 1},
    {"sku": "BENCH-00003", "quantity": 1}], "ship_by": "2026-11-27", "service_level": "standard"}');
commit;

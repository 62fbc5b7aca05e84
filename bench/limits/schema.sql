-- What the limits write to: rows as wide as an order's facts, and nothing that an order would need beside them.
create table orders (
  id uuid primary key default uuidv7(),
  storefront_id int not null,
  reference text not null,
  state text not null,
  currency text not null,
  total bigint not null,
  customer jsonb not null,
  address jsonb not null,
  placed_at timestamptz not null default now()
);
create table order_line (
  order_id uuid not null references orders,
  position int not null,
  sku text not null,
  quantity int not null,
  unit_price bigint not null,
  primary key (order_id, position)
);
create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  payload jsonb not null,
  at timestamptz not null default now()
);
create table stock (
  sku int primary key,
  available bigint not null check (available >= 0)
) with (fillfactor = 70);
create table reservation (
  id bigint generated always as identity primary key,
  order_id bigint not null,
  sku int not null,
  quantity int not null
);
insert into stock (sku, available) select n, 1000000000 from generate_series(1, 10000) as n;
vacuum analyze stock;

"""Find orders by their phone number with and without its country, and by a last name and a postcode."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# As looking_up.phone_keys makes them; the last nine digits are there already.
_PHONES = """
with given as (
  select id, placed_at, customer->>'phone' as text, regexp_replace(customer->>'phone', '\\D', '', 'g') as digits
  from orders where customer->>'phone' is not null
), told as (
  select id, placed_at, digits, position('+' in text) > 0 or digits like '00%' as has_country,
    regexp_replace(digits, '^00', '') as full_number
  from given where length(digits) >= 6
), split as (
  select id, placed_at, digits, has_country, has_country or length(digits) >= 10 and digits not like '0%' as may_have,
    full_number, coalesce(substring(full_number from '^[17]'), substring(full_number from
      '^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])'), left(full_number, 3)) as code
  from told
), keys as (
  select id, placed_at, '+' || code || ltrim(substr(full_number, length(code) + 1), '0') as value
  from split where may_have
  union select id, placed_at, '(0)' || ltrim(substr(full_number, length(code) + 1), '0') from split where may_have
  union select id, placed_at, '(0)' || ltrim(digits, '0') from split where not has_country
  union select id, placed_at, '?' || ltrim(digits, '0') from split where not has_country
)
insert into look_up (kind, value, order_id, at) select 'phone', value, id, placed_at from keys on conflict do nothing
"""
# A spelling that PostgreSQL does not make plain as we do is left out: name and postcode in full still find it.
_LAST_NAMES = """
with last_names as (
  select id, placed_at, regexp_replace(
    lower(normalize(regexp_replace(trim(address->>'name'), '^.*\\s', '') || (address->>'postal_code'), nfkd)),
    '[\\W_]', '', 'g') as value
  from orders
)
insert into look_up (kind, value, order_id, at)
select 'name_postcode', n.value, n.id, n.placed_at from last_names n
join look_up l on l.order_id = n.id and l.kind = 'name_postcode' and right(l.value, length(n.value)) = n.value
where n.value <> '' on conflict do nothing
"""


def upgrade() -> None:
    op.execute(_PHONES)
    op.execute(_LAST_NAMES)

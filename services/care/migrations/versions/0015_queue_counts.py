"""Say of every case what made its priority, those opened before that was kept too; find cases by their state."""

from alembic import op

from shared.migrate import index_beside_work

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# As policy/priority.py said it when this was written, of what is known of the day on which the case was opened.
WITHOUT_REASON = """
with silent as (
  select c.*, w.perishable, w.safety, w.gift_due_at, w.reship_of, w.customer,
    coalesce(c.promised_by, w.deliver_by) - c.opened_at as time_left,
    greatest(0, case
      when c.kind in ('damage', 'lost', 'not_received', 'returned_to_sender') then 3
      when c.kind in ('no_consent', 'promise_breached', 'failed_attempt', 'delivery_problem', 'loss_suspected',
        'short_pick', 'missing_item', 'wrong_item') then 2
      when c.kind in ('feed_silent', 'unknown_code') then 0 else 1 end
      - (c.level = 'at_risk')::int) as impact
  from care_case c join watch w using (order_id)
  where not exists (select from case_entry e where e.case_id = c.id and e.act = 'prioritised')
)
insert into case_entry (case_id, at, actor, act, detail, cause)
select s.id, s.opened_at, 'care:rules', 'prioritised', s.priority || ': ' || concat_ws('; ',
  (array['for information', 'it may come later', 'the customer waits or lacks something',
    'the customer has no usable goods'])[s.impact + 1],
  case when s.time_left > interval '72 hours' then 'more than three days are left'
    when s.time_left > interval '24 hours' then 'less than three days are left'
    when s.time_left > interval '0' then 'less than a day is left' else 'too late' end,
  case when s.perishable then 'goods that do not keep' end,
  case when s.safety then 'somebody''s safety rests on it' end,
  case when s.reship_of is not null or exists (
    select from care_case b join watch o using (order_id)
    where b.state in ('resolved', 'closed') and b.resolved_at < s.opened_at
      and b.resolved_at > s.opened_at - interval '90 days'
      and (o.order_id = s.order_id or (o.customer = s.customer and s.customer <> ''))
  ) then 'the customer''s second failure' end,
  case when s.gift_due_at is not null then 'a gift for a day' end,
  (select 'the clock ''' || k.kind || ''' was breached' from case_clock k
    where k.case_id = s.id and k.breached_at is not null order by k.breached_at desc, k.kind limit 1)
), 'migration 0015'
from silent s order by s.opened_at, s.id
"""


def upgrade() -> None:
    op.execute(WITHOUT_REASON)
    index_beside_work("case_state", "care_case (state)")

"""Note whose customer is forgotten, and let a note be emptied: that, when and by whom it was written stay."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table watch add column erased_at timestamptz",
    """
    create function refuse_change_but_forgetting() returns trigger language plpgsql as
    $$ begin
      if tg_op = 'UPDATE' and old.act = 'noted' and new.detail = ''
        and (new.id, new.case_id, new.at, new.actor, new.act, new.cause)
          = (old.id, old.case_id, old.at, old.actor, old.act, old.cause) then return new; end if;
      raise exception 'rows of % are never changed', tg_table_name;
    end $$
    """,
    (
        "create or replace trigger case_entry_is_insert_only before update or delete on case_entry "
        "for each row execute function refuse_change_but_forgetting()"
    ),
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

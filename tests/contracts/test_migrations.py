"""Migrations that a running suite would feel are found before they run, by squawk over the SQL they print.

What was there when the first version was released makes an empty database and holds up nobody; what came later is
linted. Each migration waits half a second for a table at most (shared/migrate.py).
"""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import names
from deploy.local.site import REPOSITORY
from shared import migrate

# The newest revision of each service in version 0.1.0.
RELEASED = {"orders": "0007", "inventory": "0005", "shipping": "0004", "care": "0008", "console": "0004"}
# Of style, or set for every migration by the migrator.
STYLE = (
    "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-robust-stmts",
    "prefer-text-field", "prefer-timestamp-tz", "require-lock-timeout", "require-statement-timeout",
    "require-timeout-settings", "transaction-nesting",
)  # fmt: skip
SQUAWK = Path(sys.executable).with_name("squawk")


def complaints(sql: str, place: Path) -> str:
    """Give what squawk says of SQL; empty when it holds up nobody."""
    file = place / "migrations.sql"
    file.write_text(sql)
    done = subprocess.run(  # noqa: S603 - our own argv
        [str(SQUAWK), "--pg-version=18.0", f"--exclude={','.join(STYLE)}", str(file)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("service", names.DATABASES)
def test_migrations_since_the_release_hold_up_nobody(service: str, tmp_path: Path) -> None:
    migrations = REPOSITORY / "services" / service / "migrations"
    sql = migrate.sql_of(migrations, RELEASED[service])

    assert complaints(sql, tmp_path) == ""
    assert "create table" in migrate.sql_of(migrations, "base").lower()


@pytest.mark.parametrize(
    "sql",
    [
        "create index on orders (placed_at);",
        "alter table order_line add column colour text not null;",
        "alter table order_line alter column quantity type bigint;",
        "alter table orders add constraint cheap check (total < 10);",
    ],
)
def test_a_migration_that_would_stop_intake_is_found(sql: str, tmp_path: Path) -> None:
    assert complaints(sql, tmp_path)

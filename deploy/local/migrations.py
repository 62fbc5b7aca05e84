"""All services' migrations in one process, which loads what they need once."""

import importlib.util
import os
import sys
from pathlib import Path

from deploy.local import names
from shared import migrate


def upgrade(service: str) -> None:
    """Do what `python -m services.<name> migrate` does."""
    package = importlib.util.find_spec(f"services.{service}")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f"services.{service}")
    migrate.upgrade(Path(package.origin).parent / "migrations", os.environ[names.migrations_database_url(service)])


if __name__ == "__main__":
    for service in sys.argv[1:]:
        upgrade(service)

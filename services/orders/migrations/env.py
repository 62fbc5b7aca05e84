"""Alembic's entry: runs the orders service's migrations."""

from shared.migrate import run_env

run_env()

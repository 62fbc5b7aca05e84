"""Alembic's entry point; the work is the platform's."""

from shared.migrate import run_env

run_env()

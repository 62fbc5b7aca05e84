"""Alembic's entry point for the shipping service's database."""

from shared.migrate import run_env

run_env()

"""Run the inventory service's migrations."""

from shared.migrate import run_env

run_env()

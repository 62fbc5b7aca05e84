"""A service's process starts quickly, and is an ordinary process afterwards."""

import subprocess
import sys

import pytest

_LAUNCH = """
import gc, sys
from shared.launch import launch
sys.argv = ["doorstep", "--help"]
try:
    launch("services.{name}.app")
finally:
    from fastapi import FastAPI
    FastAPI().get("/", response_model=int)(lambda: 1)
    unused = ("rich", "pygments", "pydantic.v1", "aiokafka.admin", "services.{name}.api")
    print(gc.isenabled(), gc.get_freeze_count() > 0, [module for module in unused if sys.modules.get(module)])
"""


@pytest.mark.parametrize("name", ["orders", "inventory", "shipping", "care"])
def test_a_process_starts_without_what_it_does_not_use_and_collects_garbage_as_usual(name: str) -> None:
    started = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _LAUNCH.format(name=name)], capture_output=True, text=True, check=True, timeout=60
    )
    assert f"python -m services.{name}" in started.stdout
    assert started.stdout.splitlines()[-1] == "True True []"

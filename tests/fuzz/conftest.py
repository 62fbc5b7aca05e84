"""One seed for all that is sent here: printed at the start, and the same again with `make fuzz SEED=…`."""

from collections.abc import Iterator

import pytest
from hypothesis import core

from tests.fuzz import budget
from tests.fuzz.trade import trade

__all__ = ["trade"]


def pytest_report_header() -> str:
    return f"fuzz: seed {budget.SEED}; the same again with: make fuzz SEED={budget.SEED}"


@pytest.fixture(autouse=True, scope="session")
def one_seed() -> Iterator[None]:
    """Have every generator begin with the seed."""
    before, core.global_force_seed = core.global_force_seed, budget.SEED  # type: ignore[assignment]
    yield
    core.global_force_seed = before

"""Every table of states is looked through for what stays too long."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from cli.check.dwells import DWELLINGS
from services.shipping.states import STATES
from shared.states import TransitionTable


def tables(service: str) -> Iterator[tuple[str, TransitionTable]]:  # type: ignore[type-arg]
    """All tables of states of a service, by name."""
    package = importlib.import_module(f"services.{service}.states")
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        yield from ((name, value) for name, value in vars(module).items() if isinstance(value, TransitionTable))


@pytest.mark.parametrize("service", ["orders", "inventory"])
def test_every_state_that_must_not_last_is_looked_for_by_its_service(service: str) -> None:
    looked_for = [dict(dwelling.unblock) for dwelling in DWELLINGS[service]]

    assert [
        name
        for name, table in tables(service)
        if {str(state): (table.rules[state].holder, table.rules[state].unblock) for state in table.non_terminal()}
        not in looked_for
    ] == []


def test_every_state_of_a_shipment_that_must_not_last_is_looked_for() -> None:
    (shipments,) = DWELLINGS["shipping"]

    assert set(shipments.unblock) == {status.value for status, rule in STATES.items() if rule.dwell is not None}

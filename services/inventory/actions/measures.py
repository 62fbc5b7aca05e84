"""What operators see of stock's flow: units by what became of them."""

from prometheus_client import Counter

from shared.db import Transaction

UNITS = Counter("doorstep_stock_units", "Units of order lines by what became of them in stock", ["outcome"])


def count_units(tx: Transaction, outcome: str, units: int) -> None:
    """Count units once the transaction is committed; outcome is reserved, backordered, filled, displaced or expired."""
    if units:
        tx.after_commit(lambda: UNITS.labels(outcome).inc(units))

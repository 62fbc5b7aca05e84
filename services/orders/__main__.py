"""The orders service's processes: `python -m services.orders api|worker|migrate|replay`."""

from shared.launch import launch

if __name__ == "__main__":
    launch("services.orders.app")

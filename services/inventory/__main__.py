"""The inventory service's processes: `python -m services.inventory api|worker|migrate|replay`."""

from shared.launch import launch

if __name__ == "__main__":
    launch("services.inventory.app")

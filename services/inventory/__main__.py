"""Run the inventory service: `python -m services.inventory api|worker|migrate|replay`."""

from services.inventory.app import service
from shared.process import main

if __name__ == "__main__":
    main(service)

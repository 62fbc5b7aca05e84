"""python -m services.orders api|worker|migrate|replay."""

from services.orders.app import service
from shared.process import main

if __name__ == "__main__":
    main(service)

"""`python -m services.shipping api|worker|migrate|replay`."""

from services.shipping.app import service
from shared.process import main

if __name__ == "__main__":
    main(service)

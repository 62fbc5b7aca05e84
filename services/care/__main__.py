"""The care service's processes: `python -m services.care api|worker|migrate|replay`."""

from services.care.app import service
from shared.process import main

if __name__ == "__main__":
    main(service)

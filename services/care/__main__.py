"""The care service's processes: `python -m services.care api|worker|migrate|replay`."""

from shared.launch import launch

if __name__ == "__main__":
    launch("services.care.app")

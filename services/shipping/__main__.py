"""The shipping service's processes: `python -m services.shipping api|worker|migrate|replay`."""

from shared.launch import launch

if __name__ == "__main__":
    launch("services.shipping.app")

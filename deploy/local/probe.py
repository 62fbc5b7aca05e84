"""The containers' health check: python -m deploy.local.probe PORT succeeds while the process there is ready."""

import sys
import urllib.error
import urllib.request

_SECONDS = 3


def is_ready(port: int) -> bool:
    """Say whether the process that listens on a port of this machine does its work."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=_SECONDS) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except (urllib.error.URLError, TimeoutError):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)

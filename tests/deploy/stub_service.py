"""A process with a service's verbs and doors and nothing behind them, for tests of the stack itself."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from shared import clock


class Door(BaseHTTPRequestHandler):
    """Answers what every service answers."""

    answers: ClassVar[dict[str, dict[str, object]]] = {
        "/health/live": {},
        "/health/ready": {},
        "/internal/rest": {"at_rest": True, "activity": 0, "next_due": None, "why": [], "published": 0},
    }

    def do_GET(self) -> None:
        self.send_response(200 if self.path in self.answers else 404)
        self.end_headers()
        self.wfile.write(json.dumps(self.answers.get(self.path, {})).encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def main(service: str, verb: str) -> None:
    home = Path(os.environ["STUB_HOME"])
    with (home / "calls.jsonl").open("a") as file:
        at = clock.real().isoformat()
        file.write(json.dumps({"service": service, "argv": sys.argv[2:], "pid": os.getpid(), "at": at}) + "\n")
    if verb not in {"api", "worker"}:
        return
    port = os.environ[f"{service.upper()}_{'PORT' if verb == 'api' else 'OPS_PORT'}"]
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Door)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

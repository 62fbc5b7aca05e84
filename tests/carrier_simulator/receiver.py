"""A receiver of webhooks: keeps what it got and answers as it is told."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from easypost.util import validate_webhook

from deploy.carrier_simulator.wire import Event, Tracker
from tests.carrier_simulator.process import SECRET


@dataclass(frozen=True, slots=True)
class Message:
    """One request that arrived."""

    body: bytes
    headers: dict[str, str]

    @property
    def event(self) -> Event:
        return cast("Event", json.loads(self.body))

    @property
    def tracker(self) -> Tracker:
        return cast("Tracker", self.event["result"])

    def is_genuine(self) -> bool:
        """Ask the official client."""
        try:
            validate_webhook(self.body, self.headers, SECRET)
        except Exception:  # noqa: BLE001 - whatever it dislikes is not genuine
            return False
        return True


class Receiver:
    """An HTTP server of this process; `answer` decides each status."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answer: Callable[[Message], int] = lambda message: 200 if message.is_genuine() else 401
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                names = {name.title(): value for name, value in self.headers.items()}
                message = Message(body, names)
                outer.messages.append(message)
                self.send_response(outer.answer(message))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"

    def about(self, tracking_code: str) -> list[Message]:
        return [message for message in self.messages if message.event["result"]["tracking_code"] == tracking_code]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

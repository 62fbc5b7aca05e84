"""The simulator as a process of its own, on a free port, in business time that the test steps."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import httpx

from deploy.local import ports

KEY = "a-key-for-tests"
SECRET = "a-wébhook-secret"
_DEADLINE_SECONDS = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROOT = Path(__file__).resolve().parents[2]


class SteppedClock:
    """The small file that a driver steps; written directly, so that this process keeps its own clock."""

    def __init__(self, path: Path, start: datetime) -> None:
        self.path = path
        self.now = start
        self.step_to(start)

    def step_to(self, moment: datetime) -> None:
        assert moment >= self.now
        self.now = moment
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
        # In place: the simulator has mapped these very bytes.
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.write(struct.pack("<q", micros))


class CarrierProcess:
    """A running simulator and an HTTP client for its doors."""

    def __init__(self, home: Path, clock: SteppedClock, settings: Mapping[str, str] | None = None) -> None:
        self.port = ports.reserve()
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock = clock
        self._environment = {
            **os.environ,
            "DOORSTEP_CLOCK_FILE": str(clock.path),
            "DOORSTEP_ENVIRONMENT": "local",
            "SIMULATOR_PORT": str(self.port),
            "SIMULATOR_API_KEY": KEY,
            "SIMULATOR_WEBHOOK_SECRET": SECRET,
            "SIMULATOR_STATE": str(home / "simulator.sqlite"),
            **(settings or {}),
        }
        self._log = (home / "simulator.log").open("ab")
        self.http = httpx.Client(base_url=self.url, auth=(KEY, ""), trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.carrier_simulator"],
            cwd=_ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.wait_for(self._answers, "the simulator to answer")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the simulator ended before it answered"
        try:
            return self.http.get("/health/live").is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """End the process as a power cut of its own would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        self._end(signal.SIGTERM)
        self.http.close()
        self._log.close()

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(_DEADLINE_SECONDS)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        ends = time.monotonic() + _DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < ends, f"waited in vain for {what}"
            time.sleep(0.005)

    def rest(self) -> dict[str, object]:
        return cast("dict[str, object]", self.http.get("/internal/rest").raise_for_status().json())

    def settle(self) -> None:
        """Wait until everything that is due is done."""
        ends = time.monotonic() + _DEADLINE_SECONDS
        while not (rest := self.rest())["at_rest"]:
            assert time.monotonic() < ends, f"the simulator does not come to rest: {rest['why']}"
            time.sleep(0.005)

    def advance(self, step: timedelta) -> None:
        """Step business time as the driver does: to each due thing in turn, waiting for rest each time."""
        target = self.clock.now + step
        self.settle()
        while (due := self.rest()["next_due"]) is not None:
            moment = datetime.fromisoformat(str(due))
            if moment > target:
                break
            self.clock.step_to(max(moment, self.clock.now))
            self.settle()
        self.clock.step_to(target)
        self.settle()

"""`python -m bench quick|full|soak|profile|simulate`: what `make bench`, `bench-full`, `soak` … run."""

import argparse
import asyncio
import signal
import sys

from bench import profiles, report, scaling, soak
from bench.load import find_wrk
from bench.run import run
from bench.session import FULL, QUICK, Plan
from bench.table import ROWS
from deploy.local import control
from deploy.local.errors import StackError


def main() -> None:
    """Do what the command line says; a line that falls short or fails is no error of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", choices=["quick", "full", "soak", "profile", "simulate"])
    parser.add_argument(
        "--only", action="append", choices=sorted(ROWS), help="measure this line alone; may be repeated"
    )
    parser.add_argument("--write-docs", action="store_true", help="put table and charts into docs/performance.md")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the soak lasts")
    parser.add_argument("--rate", type=float, default=soak.PER_SECOND, help="how many orders a second the soak places")
    asked = parser.parse_args()
    if asked.only and asked.write_docs:
        parser.error("--write-docs puts the whole table into the page: it does not go with --only")
    home = control.default_home() / "bench"
    # Told to end, stop what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if asked.what == "simulate":
            scaling.run(_say, write_docs=asked.write_docs)
            return
        find_wrk()
        if asked.what == "soak":
            flat = asyncio.run(soak.run(asked.minutes, asked.rate, home, _say, write_docs=asked.write_docs))
            sys.exit(not flat)
        if asked.what == "profile":
            asyncio.run(profiles.run(home, _say, write_docs=asked.write_docs))
            return
        _measure(QUICK if asked.what == "quick" else FULL, frozenset(asked.only or ()), write_docs=asked.write_docs)
    except StackError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("told to stop: everything that was started is stopped, nothing was written")


def _measure(plan: Plan, only: frozenset[str], *, write_docs: bool) -> None:
    outcome = asyncio.run(run(plan, control.default_home() / "bench", _say, only))
    _say("\n" + report.show(outcome))
    if not only:
        _say(f"results: {report.save(outcome)}")
    if write_docs:
        report.write_page(outcome)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

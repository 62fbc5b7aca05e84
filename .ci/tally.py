"""Sum the JUnit files of a run into one last line: `N passed, N failed`.

Usage: tally.py FAILED_PHASES FILE...; a phase that failed without a failing test of its own counts as one failure,
so that the line never looks green when the run was not. Exit status 1 when anything failed or nothing ran.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

MOST_SAID = 400


def counted(path):
    """Tests, failures (errors included) and skips of one JUnit file."""
    suites = list(ElementTree.parse(path).getroot().iter("testsuite"))
    sums = {
        name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    return sums["tests"], sums["failures"] + sums["errors"], sums["skipped"]


def print_failures(path):
    """Name each test that failed and the beginning of what it said: whoever reads only the end of a log sees them."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        for told in (*case.findall("failure"), *case.findall("error")):
            said = " ".join((told.get("message") or "").split())
            print(f"  {case.get('classname')}::{case.get('name')}: {said[:MOST_SAID]}")


def main(failed_phases, *paths):
    """Print each file's counts and failures, and the sum."""
    passed = failed = red_files = 0
    for path in paths:
        if not Path(path).is_file():
            continue
        tests, failures, skipped = counted(path)
        passed += tests - failures - skipped
        failed += failures
        red_files += bool(failures)
        print(f"{Path(path).stem}: {tests - failures - skipped} passed, {failures} failed, {skipped} skipped")
        print_failures(path)
    failed += max(0, int(failed_phases) - red_files)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Look for known vulnerabilities in the pinned dependencies, and for secrets in the tracked files; print one line each.

Exits 1 when something was found. Advisories come over the network; where no source can be reached that is said, in
words nobody can take for a clean result, and fails nothing.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = "requirements/dev.txt"  # all of them: runtime, the local stack, and what only developers run
SERVICES = ("pypi", "osv")
BASELINE = ".secrets.baseline"
# Hashes, pictures, other people's code and generated schemas hold nothing of ours that could be secret.
LEFT_OUT = ("requirements/", "tests/browser/vendor/", "services/console/static/vendor/", "docs/events/",
            "tests/contracts/golden/")  # fmt: skip
_MOVED = 3
BIN = Path(sys.executable).parent


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)  # noqa: S603


def ask(service: str) -> tuple[int, int, list[str]] | None:
    """Give (packages checked, packages unknown to the source, findings); None when it cannot be reached."""
    done = _run(
        str(BIN / "pip-audit"), "--vulnerability-service", service, "--requirement", REQUIREMENTS, "--require-hashes",
        "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10",
    )  # fmt: skip
    if done.returncode not in {0, 1} or not done.stdout.startswith("{"):
        return None
    packages = json.loads(done.stdout)["dependencies"]
    unknown = [one for one in packages if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {hole['id']}, fixed in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    return len(packages) - len(unknown), len(unknown), found


def check_dependencies() -> bool:
    """Say how the dependencies stand; False when one has a known vulnerability."""
    checked, unknown, found = 0, 0, []
    for service in SERVICES:
        answer = ask(service)
        if answer is not None and answer[0]:
            checked, unknown, found = answer
            break
    for line in found:
        print(f"  {line}")
    if not checked:
        print("dependencies: NOT CHECKED: no advisory source reachable")
    else:
        gap = f", {unknown} NOT CHECKED (unknown to the source)" if unknown else ""
        print(f"dependencies: {checked} checked against known vulnerabilities, {len(found)} found{gap}")
    return not found


def check_secrets() -> bool:
    """Say whether a tracked file holds what looks like a secret and is not in the baseline; False when one does."""
    listed = _run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    files = [name for name in listed if not name.startswith(LEFT_OUT) and not name.endswith((".png", BASELINE))]
    with tempfile.TemporaryDirectory() as folder:
        # A copy: the tool writes moved line numbers back, which is no finding (3).
        baseline = shutil.copy(BASELINE, folder)
        done = _run(str(BIN / "detect-secrets-hook"), "--no-verify", "--baseline", str(baseline), *files)
    if done.returncode not in {0, 1, _MOVED}:
        print(done.stderr[-2000:])
        print(f"secrets: the scan failed with {done.returncode}")
        return False
    is_clean = done.returncode != 1
    if not is_clean:
        print(done.stdout.partition("Possible mitigations")[0])
        print(f"A false alarm goes into the baseline: {BIN}/detect-secrets scan --no-verify --baseline {BASELINE}")
    print(f"secrets: {len(files)} files scanned, {'none beyond the baseline' if is_clean else 'NEW ONES FOUND'}")
    return is_clean


if __name__ == "__main__":
    outcomes = [check_dependencies(), check_secrets()]
    sys.exit(not all(outcomes))

"""A failed test shows what the services logged while it ran."""

from pathlib import Path

from tests.what_was_logged import log_sizes, logged_between


def test_only_what_was_logged_meanwhile_is_shown(tmp_path: Path) -> None:
    logs = tmp_path / "doorstep-test-a" / "logs"
    logs.mkdir(parents=True)
    (logs / "care-worker.log").write_text("before\n")
    (logs / "orders-api.log").write_text("quiet\n")
    before = log_sizes(tmp_path)
    with (logs / "care-worker.log").open("a") as file:
        file.write("".join(f"line {number}\n" for number in range(30)))
    (logs / "shipping-api.log").write_text("new\n")

    shown = logged_between(before, log_sizes(tmp_path)).splitlines()
    assert shown[:3] == ["doorstep-test-a, care-worker.log:", "... 5 earlier lines", "line 5"]
    assert shown[-4:] == ["line 29", "", "doorstep-test-a, shipping-api.log:", "new"]

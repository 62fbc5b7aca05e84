"""The rules of the house hold for the whole tree, and each rule is shown to be able to fail."""

import pytest

from tests.house_rules import rules, shape, tree
from tests.house_rules.tree import Source

LONG_FUNCTION = '"""Doc."""\n\n\ndef act() -> None:\n    """Act."""\n' + "    print()\n" * 40
LONG_FILE = '"""Doc."""\n' + "A = 1\n" * 400


def _complaints(rule: rules.Rule, path: str, text: str) -> list[str]:
    return list(rule(Source(path, text)))


@pytest.mark.parametrize("rule", rules.CODE_RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: rules.Rule) -> None:
    complaints = [complaint for source in tree.sources() for complaint in rule(source)]

    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("rule", rules.TEXT_RULES, ids=lambda rule: rule.__name__)
def test_every_tracked_file_keeps_the_rule(rule: rules.Rule) -> None:
    complaints = [complaint for source in tree.texts() for complaint in rule(source)]

    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("service", tree.SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    complaints = list(shape.misshapen(service, tree.tracked()))

    assert not complaints, "\n" + "\n".join(complaints)


BROKEN = [
    (rules.functions_are_short, "cli/a.py", LONG_FUNCTION),
    (rules.files_are_short, "bench/a.py", LONG_FILE),
    (rules.modules_say_what_they_are, "shared/a.py", "A = 1\n"),
    (rules.public_names_are_documented, "shared/a.py", "def act() -> None:\n    pass\n"),
    (rules.public_names_are_documented, "services/care/a.py", "class Case:\n    pass\n"),
    (rules.http_errors_stay_at_the_door, "services/care/actions.py", "raise HTTPException(404)\n"),
    (rules.http_errors_stay_at_the_door, "services/care/jobs.py", "raise fastapi.HTTPException(404)\n"),
    (rules.only_db_commits, "services/orders/actions.py", "await session.commit()\n"),
    (rules.only_db_commits, "services/care/actions.py", "session.begin_nested()\n"),
    (rules.only_the_clock_reads_the_time, "tests/a.py", "datetime.now(UTC)\n"),
    (rules.only_the_clock_reads_the_time, "cli/a.py", "datetime.datetime.utcnow()\n"),
    (rules.only_the_clock_reads_the_time, "shared/log.py", "time.time()\n"),
    (rules.names_say_something, "services/care/case_utils.py", ""),
    (rules.nothing_is_left_over, "shared/a.py", "A = 1  # TO" + "DO later\n"),
    (rules.skips_have_reasons, "tests/a.py", "@pytest.mark.skip\ndef test_a() -> None: ...\n"),
    (rules.skips_have_reasons, "tests/a.py", "pytest.xfail()\n"),
    (
        rules.skips_have_reasons,
        "tests/a.py",
        "@pytest.mark.skipif(True, reason='')\ndef test_a() -> None: ...\n",
    ),
    (rules.no_machine_is_named, "README.md", "see /ro" + "ot/notes\n"),
    (rules.no_machine_is_named, "requirements/dev.txt", "--index" + "-url x\n"),
]
ALLOWED = [
    (rules.functions_are_short, "cli/a.py", LONG_FUNCTION.removesuffix("    print()\n" * 2)),
    (rules.modules_say_what_they_are, "shared/__init__.py", ""),
    (rules.public_names_are_documented, "shared/a.py", "def _act() -> None:\n    pass\n"),
    (rules.http_errors_stay_at_the_door, "services/care/api.py", "raise HTTPException(404)\n"),
    (rules.only_db_commits, "shared/db.py", "await session.commit()\n"),
    (rules.only_db_commits, "shared/consumer.py", "await self._consumer.commit(offsets)\n"),
    (rules.only_the_clock_reads_the_time, "shared/clock.py", "datetime.now(UTC)\n"),
    (rules.only_the_clock_reads_the_time, "cli/a.py", "clock.now()\n"),
    (rules.skips_have_reasons, "tests/a.py", "pytest.skip('no broker on this system')\n"),
    (rules.no_machine_is_named, "README.md", "GET /home/ and ./tmp/x and example.org/work/x\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_the_rule_finds_what_breaks_it(rule: rules.Rule, path: str, text: str) -> None:
    assert _complaints(rule, path, text)


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_the_rule_lets_the_right_thing_pass(rule: rules.Rule, path: str, text: str) -> None:
    assert not _complaints(rule, path, text)


def test_every_rule_is_shown_to_fail() -> None:
    shown = {rule for rule, _, _ in BROKEN}

    assert set(rules.CODE_RULES + rules.TEXT_RULES) == shown


def test_a_service_with_a_missing_or_a_foreign_file_is_found() -> None:
    whole = [f"services/care/{name}.py" for name in shape.REQUIRED if name != "api"] + ["services/care/api/cases.py"]

    assert list(shape.misshapen("care", whole)) == []
    assert list(shape.misshapen("care", whole[1:])) == ["services/care has no __init__"]
    assert list(shape.misshapen("care", [*whole, "services/care/attic.py"])) == [
        "services/care/attic is not part of the common shape"
    ]

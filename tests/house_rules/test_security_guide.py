"""The security guide says what is so: roles and scopes, the lines, what CI runs."""

import re

import pytest

from tests.house_rules import scope_table, tree
from tests.promises import LINES

GUIDE = scope_table.GUIDE.read_text(encoding="utf-8")


@pytest.mark.security(2)
def test_the_guide_shows_the_roles_and_scopes_that_are() -> None:
    assert scope_table.written() == scope_table.table(), "python -m tests.house_rules.scope_table"


def test_the_guide_has_a_row_for_every_line() -> None:
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", GUIDE, re.MULTILINE)] == [*LINES]


@pytest.mark.security(13)
def test_every_submission_is_searched_for_secrets_and_known_vulnerabilities() -> None:
    run = (tree.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    makefile = (tree.ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(r"^phase audit make .*audit$", run, re.MULTILINE)
    assert re.search(r"^phase test-wide .*--security-table", run, re.MULTILINE)
    assert re.search(r"^phase fuzz .*make .*fuzz( |$)", run, re.MULTILINE)
    assert re.search(r"^audit: .*\n\t@?\$\(BIN\)/python \.ci/audit\.py$", makefile, re.MULTILINE)

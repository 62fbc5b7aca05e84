"""docs/privacy.md says what the code does."""

from tests.privacy import page


def test_the_page_says_what_the_code_does() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text) == text, "write it again: python -m tests.privacy.page"


def test_a_column_that_the_page_does_not_know_is_found() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text.replace("| care | contact | note |", "| care | contact | nota |")) != text.replace(
        "| care | contact | note |", "| care | contact | nota |"
    )

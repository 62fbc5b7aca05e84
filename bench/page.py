"""docs/performance.md: what is measured is put between two marks; the words around them are kept."""

from deploy.local.site import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
CHARTS = REPOSITORY / "docs" / "performance"


def replace(part: str, text: str) -> None:
    """Put the text between the marks of `part`; raises ValueError when the page has no such marks."""
    begin, end = f"<!-- {part}: written by bench -->", f"<!-- end of {part} -->"
    page = PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE.name} has no marks {begin} … {end}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")

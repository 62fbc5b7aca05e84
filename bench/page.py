"""Pages of docs/ with figures: what is measured is put between two marks; the words around them are kept."""

from pathlib import Path

from deploy.local.site import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
SCALING = REPOSITORY / "docs" / "scaling.md"
CHARTS = REPOSITORY / "docs" / "performance"


def replace(part: str, text: str, page: Path = PAGE) -> None:
    """Put the text between the marks of `part`; raises ValueError when the page has no such marks."""
    begin, end = f"<!-- {part}: written by bench -->", f"<!-- end of {part} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page.name} has no marks {begin} … {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")

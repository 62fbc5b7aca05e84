"""What a guard is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """A guard: the one place of a file's text that is `line`, what stands there without it, the test it fails."""

    file: str
    line: str
    without: str
    test: str

    def __str__(self) -> str:
        """Name it."""
        return f"{self.file}: {self.line.strip().splitlines()[-1].strip()[:90]}"

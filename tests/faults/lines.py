"""A file of what was acknowledged, a line each; it outlives what is done to the suite."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


class Lines(Generic[T]):
    """The file; `read` makes an entry of the fields of a line."""

    def __init__(self, file: Path, read: Callable[..., T]) -> None:
        self._file = file
        self._read = read

    def entries(self) -> list[T]:
        """Read all entries, in their order."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        return [self._read(**json.loads(line)) for line in lines]

    def add(self, entry: T) -> None:
        """Append a line."""
        with self._file.open("a") as file:
            file.write(_line(entry))

    def keep(self, entries: Iterable[T]) -> None:
        """Forget the others: what was answered then counts no more."""
        self._file.write_text("".join(map(_line, entries)))


def _line(entry: Any) -> str:  # noqa: ANN401 - a dataclass
    return json.dumps(asdict(entry)) + "\n"

"""Every lock and every dedupe is in the table of guards, with a test that exists."""

import ast
import re
from collections.abc import Iterator

from tests.guards.table import GUARDS, PLAIN_KEYS
from tests.house_rules import tree

_GUARDING = re.compile(
    r"for (?:no key )?update\b|with_for_update|pg_(?:try_)?advisory_(?:xact_)?lock|on conflict.* do nothing"
)
_LOCK = re.compile(r"asyncio\.(?:Lock\(|(?:Bounded)?Semaphore\(1?\)|Condition\()")
_LOCK_MADE = re.compile(rf"(\w+) = {_LOCK.pattern}")
_UNIQUE = re.compile(r"\bunique\b")
_DROPPED = re.compile(r"drop index (\w+)")


def _text(path: str) -> str:
    return (tree.ROOT / path).read_text(encoding="utf-8")


def _guarding() -> Iterator[tuple[str, int, str]]:
    """Give every line of the product that locks or drops a double, as (file, number, line)."""
    for source in tree.sources():
        if source.within("services", "shared") and "/migrations/" not in source.path:
            for number, line in enumerate(source.text.splitlines(), start=1):
                if _GUARDING.search(line) and not line.lstrip().startswith(("#", '"""')):
                    yield source.path, number, line.strip()


def test_every_lock_and_every_dedupe_is_in_the_table() -> None:
    known = {(guard.file, number) for guard in GUARDS for number in _lines_of(guard.file, guard.line)}

    assert [found for found in sorted(_guarding()) if found[:2] not in known] == []


def test_every_turn_taken_within_a_process_is_in_the_table() -> None:
    known = {(guard.file, number) for guard in GUARDS for number in _lines_of(guard.file, guard.line)}
    turns = list(_turns())

    assert [found for found in turns if found[:2] not in known] == []
    assert turns


def _turns() -> Iterator[tuple[str, int, str]]:
    """Give every line that waits for an asyncio lock; a semaphore of several is a limit, and no lock."""
    for source in tree.sources():
        if not source.within("services", "shared"):
            continue
        locks = _LOCK_MADE.findall(source.text)
        assert len(_LOCK.findall(source.text)) == len(locks), f"{source.path}: a lock without a name"
        waits = re.compile(rf"async with (?:self\.)?(?:{'|'.join(locks)})\b|\b(?:{'|'.join(locks)})\.acquire\(")
        for number, line in enumerate(source.text.splitlines(), start=1):
            if locks and waits.search(line):
                yield source.path, number, line.strip()


def test_every_unique_key_is_in_the_table_or_needs_no_guard() -> None:
    known = {(guard.file, number) for guard in GUARDS for number in _lines_of(guard.file, guard.line)}
    found = list(_unique())

    assert [
        (path, number, line) for path, number, line in found
        if (path, number) not in known and (path, line) not in PLAIN_KEYS
    ] == []  # fmt: skip
    assert PLAIN_KEYS.keys() - {(path, line) for path, _, line in found} == set()


def _unique() -> Iterator[tuple[str, int, str]]:
    """Give every line that makes a unique key, as (file, number, line), unless a later migration drops it."""
    making = [source for source in tree.sources() if "/versions/" in source.path or source.path == "shared/tables.py"]
    for source in making:
        service = source.path.partition("/migrations/")[0]
        later = [one.text for one in making if one.path.startswith(f"{service}/") and one.path > source.path]
        gone = {name for text in later for name in _DROPPED.findall(text)}
        for number, line in enumerate(source.text.splitlines(), start=1):
            if _UNIQUE.search(line) and not any(f"index {name} " in line for name in gone):
                yield source.path, number, line.strip()


def _lines_of(path: str, text: str) -> range:
    """Number the lines that a text of a file lies in: the same words elsewhere are another guard."""
    whole = _text(path)
    at = whole.index(text)
    first = whole.count("\n", 0, at) + 1
    return range(first, first + text.rstrip("\n").count("\n") + 1)


def test_every_guard_stands_where_the_table_says_and_its_test_exists() -> None:
    assert [str(guard) for guard in GUARDS if _text(guard.file).count(guard.line) != 1] == []
    missing = [
        guard.test for guard in GUARDS
        if f"def {guard.test.partition('::')[2]}(" not in _text(guard.test.partition("::")[0])
    ]  # fmt: skip
    assert missing == []


def test_what_is_left_without_a_guard_is_still_a_program() -> None:
    for guard in GUARDS:
        ast.parse(_text(guard.file).replace(guard.line, guard.without), guard.file)


def test_no_guard_is_listed_twice() -> None:
    places = [(guard.file, guard.line) for guard in GUARDS]

    assert len(places) == len(set(places))

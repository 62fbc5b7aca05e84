"""Whose time a sample of the profiler is."""

from bench import charts, profiles

_LOOP = "main (shared/process.py:5);Runner.run (asyncio/runners.py:118)"
_RAW = [
    f"{_LOOP} 10",
    f"{_LOOP};work (services/orders/actions/intake.py:79);execute (shared/db.py:4);_do (asyncpg/connection.py:9) 20",
    f"{_LOOP};work (services/orders/actions/intake.py:80) 30",
    f"{_LOOP};work (services/orders/actions/intake.py:81);dump (json/encoder.py:3) 15",
    f"{_LOOP};handle (fastapi/routing.py:2);validate (pydantic/main.py:7) 25",
]


def test_a_sample_belongs_to_the_innermost_part_that_has_a_name() -> None:
    profile = profiles.read("intake", _RAW)

    assert profile.samples == 100
    assert profile.parts == {
        "event loop and system calls": 10,
        "PostgreSQL's driver: asyncpg, SQLAlchemy": 20,
        "the service's own work": 45,
        "reading and checking: pydantic": 25,
    }


def test_a_function_of_ours_has_the_time_of_the_libraries_it_calls() -> None:
    profile = profiles.read("intake", _RAW)

    assert profile.functions == {"work in services/orders/actions/intake.py": 45, "execute in shared/db.py": 20}
    assert profile.share(profile.functions["execute in shared/db.py"]) == 0.2


def test_the_picture_names_every_part_and_its_share() -> None:
    drawing = charts.shares("Shares", {"intake": {"pydantic": 0.25, "asyncpg": 0.75}})

    assert all(text in drawing for text in ("intake", "pydantic", "asyncpg", ">25%<", ">75%<"))

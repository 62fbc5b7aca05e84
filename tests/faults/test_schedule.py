"""The schedule of a soak is its seed's, and has the faults it promises."""

from tests.faults.ledger import lacking
from tests.faults.schedule import PROMISED, PROMISED_MINUTES, Kind, plan


def test_the_same_seed_is_exactly_the_same_schedule_and_another_is_another() -> None:
    assert plan("41", 20) == plan("41", 20)
    assert plan("41", 20) != plan("42", 20)


def test_a_fault_that_was_not_tried_is_lacking_unless_its_machine_cannot() -> None:
    promised = {f"F{number}" for number in range(1, 25)}

    assert lacking(promised, []) == []
    assert lacking(promised - {"F7"}, []) == ["F7"]
    assert lacking(promised - {"F7"}, ["F7"]) == ["F7"]
    assert lacking(promised - {"F22"}, []) == ["F22"]
    assert lacking(promised - {"F22"}, ["F22"]) == []


def test_twenty_minutes_hold_at_least_sixty_faults_of_every_kind() -> None:
    for seed in map(str, range(50)):
        strikes = plan(seed, PROMISED_MINUTES)
        assert len(strikes) >= PROMISED
        assert [strike.at for strike in strikes] == sorted(strike.at for strike in strikes)
        assert strikes[-1].at + strikes[-1].seconds <= 20 * 60
    assert {strike.kind for seed in range(50) for strike in plan(str(seed), 20)} == set(Kind)

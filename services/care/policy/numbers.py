"""Case numbers that people can spell to each other."""

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_BASE = len(_ALPHABET)
_DIGITS = 5


def case_number(serial: int) -> str:
    """Write C, five characters without look-alikes, and one that tells when any of them was misheard."""
    digits = [serial // _BASE**place % _BASE for place in reversed(range(_DIGITS))]
    return "C-" + "".join(_ALPHABET[digit] for digit in (*digits, _check(digits)))


def _check(digits: list[int]) -> int:
    """Give the check digit of the Luhn algorithm to base 32: it sees any one wrong and nearly any two swapped."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        addend = digit * 2 if place % 2 == 0 else digit
        total += addend // _BASE + addend % _BASE
    return -total % _BASE

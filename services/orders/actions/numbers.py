"""Order numbers for people: short, without look-alike characters, with a check character."""

# No 0 O 1 I L, no 2 Z, 5 S, 8 B, U V: read aloud or by hand they are mistaken for each other.
ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
_BASE = len(ALPHABET)
_LENGTH = 6
_RANGE = _BASE**_LENGTH
# Coprime to the range, so that neighbours look different and every number occurs once.
_STRIDE = 61_803_399
_OFFSET = 27_182_818


def order_number(ordinal: int) -> str:
    """Give the number of the `ordinal`-th order: 6 characters, longer after 148 million, and a check character."""
    lap, place = divmod(ordinal, _RANGE)
    scattered = (place * _STRIDE + _OFFSET) % _RANGE + lap * _RANGE
    characters: list[str] = []
    while scattered or len(characters) < _LENGTH:
        scattered, digit = divmod(scattered, _BASE)
        characters.append(ALPHABET[digit])
    body = "".join(reversed(characters))
    return body + check_character(body)


def check_character(body: str) -> str:
    """Give the check character: a sum weighted by place modulo a prime, so no wrong character or swap passes."""
    total = sum(weight * ALPHABET.index(character) for weight, character in enumerate(reversed(body), start=2))
    return ALPHABET[-total % _BASE]


def is_order_number(text: str) -> bool:
    """Say whether this can be one of our numbers."""
    known = len(text) > _LENGTH and all(character in ALPHABET for character in text)
    return known and check_character(text[:-1]) == text[-1]

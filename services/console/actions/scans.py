"""What scanners read off things: codes in the frames of their symbologies."""

import re

# GS1-128 of a US postal label: application identifier 420, the ZIP (5 or 9 digits), then the tracking number.
_POSTAL = re.compile(r"420(?:\d{5}|\d{9})(9\d{19,25})")
_SYMBOLOGY = re.compile(r"^\][A-Za-z]\d")  # an AIM identifier some scanners put in front
_SEPARATOR = "\x1d"


def plain_code(read: str) -> str:
    """Give what was read without its symbology's frame."""
    return _SYMBOLOGY.sub("", read.strip()).replace(_SEPARATOR, "").strip()


def tracking_number(read: str) -> str:
    """Give the tracking number that a scanned label stands for."""
    code = plain_code(read)
    postal = _POSTAL.fullmatch(code)
    return postal[1] if postal is not None else code


def is_label_of(read: str, number: str) -> bool:
    """Say whether a scanned label is the one with this tracking number."""
    return tracking_number(read).casefold() == number.casefold()

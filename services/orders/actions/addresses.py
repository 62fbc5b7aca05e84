"""Addresses that cannot be right: what intake can tell from the form of a postcode, before a carrier does."""

import re

# Forms of postcodes by country, after the Universal Postal Union's addressing systems; others are not judged.
_FORMS: dict[str, str] = {
    "AT": r"\d{4}",
    "AU": r"\d{4}",
    "BE": r"\d{4}",
    "BR": r"\d{5}(-?\d{3})?",
    "CA": r"[A-Z]\d[A-Z] ?\d[A-Z]\d",
    "CH": r"\d{4}",
    "CZ": r"\d{3} ?\d{2}",
    "DE": r"\d{5}",
    "DK": r"\d{4}",
    "ES": r"\d{5}",
    "FI": r"\d{5}",
    "FR": r"\d{5}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "IT": r"\d{5}",
    "LU": r"\d{4}",
    "NL": r"\d{4} ?[A-Z]{2}",
    "NO": r"\d{4}",
    "PL": r"\d{2}-?\d{3}",
    "PT": r"\d{4}(-\d{3})?",
    "SE": r"\d{3} ?\d{2}",
    "US": r"\d{5}(-\d{4})?",
}


def doubt_about(country_code: str, postal_code: str) -> str:
    """Say why an address cannot be delivered to as it stands; empty when nothing speaks against it."""
    form, written = _FORMS.get(country_code), postal_code.strip().upper()
    if form is None or re.fullmatch(form, written):
        return ""
    if not written:
        return f"an address in {country_code} needs a postcode"
    return f"{country_code} has no postcodes of this form"

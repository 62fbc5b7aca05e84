"""Plumbing and contracts that every service uses; no business rule lives here."""

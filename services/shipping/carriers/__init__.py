"""Adapters to the carriers, one Protocol and one adapter each."""

"""Doorstep's tests."""

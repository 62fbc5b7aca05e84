"""Tests of the ways of running."""

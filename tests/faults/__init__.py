"""Fault tests: processes die or freeze in mid-work, and nothing acknowledged is lost, doubled or stuck.

The docstring of a test begins with the fault's number; `make faults` prints a line for each. `kill -9` of each process
in mid-journey is in test_deaths_in_mid_journey, in mid-demonstration in test_kill_in_demo.
"""

"""Fault tests: processes die or freeze in mid-work, and nothing acknowledged is lost, doubled or stuck.

F1 relay, F2 consumer, F3 API, F6 broker, F7 PostgreSQL, F19 SIGTERM: test_crashes_under_load.
F12 what arrives shuffled, or again and stale; `kill -9` of each process: test_deaths_in_mid_journey.
`kill -9` in mid-demonstration: test_kill_in_demo.
F13 the last 50 units: tests/inventory/test_races.
F15 poison: tests/shared/test_poison. F16 one failing key: tests/shared/test_messages.
F17 the carrier: tests/shipping/test_booking and test_tracking, tests/carrier_simulator/test_faults.
"""

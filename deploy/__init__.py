"""The ways of running Doorstep: embedded on one machine, by docker-compose, and the carrier simulator."""

"""Every SELECT and every lock of the care service, by what it reads."""

"""Every SELECT and every lock of the inventory service."""

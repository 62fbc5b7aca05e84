"""Every SELECT and every lock of the orders service."""

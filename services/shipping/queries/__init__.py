"""Every SELECT and every lock of the shipping service, by what it reads."""

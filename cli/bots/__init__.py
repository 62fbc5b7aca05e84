"""Bots that do people's work over the services' HTTP APIs: a picker, a storefront, a care agent, a carrier's driver, the dock."""

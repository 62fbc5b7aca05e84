"""Bots that do people's work over the services' HTTP APIs: pickers, a storefront, agents, a driver, the dock."""

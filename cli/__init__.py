"""The `doorstep` command line: HTTP clients of the services, and what starts and checks a stack."""

"""The `doorstep` command line: HTTP clients of the services and the read-only checker."""

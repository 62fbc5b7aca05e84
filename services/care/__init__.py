"""Care: watches the facts of all other services, and owns exceptions, cases, remedies and messages."""

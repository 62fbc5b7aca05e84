"""What can go wrong when the stack starts, each with the way out in its message."""


class StackError(RuntimeError):
    """The stack cannot do what was asked; the message says why and what to do."""


class PortTakenError(StackError):
    """Another program listens on a port the stack needs."""


class ComponentMissingError(StackError):
    """A program the embedded stack runs is not installed."""


class StartFailedError(StackError):
    """A process ended or stayed unhealthy while the stack waited for it."""

"""Which ports a stack gets, and that nobody else gets them."""

import socket

import pytest

from deploy.local import ports


def test_a_reserved_port_stays_the_stacks_own_while_its_process_restarts() -> None:
    port = ports.reserve()
    for _ in range(2):
        assert not ports.is_taken(port)
        with socket.socket() as process:
            process.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            process.bind(("127.0.0.1", port))
            process.listen()
            assert ports.is_taken(port)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


def test_every_process_of_a_stack_has_a_port_of_its_own() -> None:
    first, second = ports.free(), ports.free()
    assert first.keys() == second.keys() == ports.fixed(8100, {}).keys()
    assert len({*first.values(), *second.values()}) == 2 * len(first)

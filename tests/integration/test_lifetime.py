"""Children end with all that they started, and the port that one will serve on is nobody else's meanwhile."""

from __future__ import annotations

import errno
import socket
import sys
import time
from pathlib import Path

import pytest

from emulators.held_port import held_port
from emulators.lifetime import end_children, start_child
from tests.e2e.processes import below, left

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port cannot be held, nor /proc be read")
STUBBORN = "trap '' TERM; sleep 600 & echo ready; wait; wait"


def test_children_end_with_what_they_started_also_when_they_ignore_being_asked(tmp_path: Path) -> None:
    children = [start_child(["bash", "-c", STUBBORN], tmp_path / f"{number}.log") for number in range(3)]
    while any((tmp_path / f"{number}.log").read_text() != "ready\n" for number in range(3)):
        time.sleep(0.02)
    started = {child.pid for child in children}.union(*(below(child.pid) for child in children))
    assert len(started) == 6
    end_children(children, within_s=0.2)
    assert [child.returncode for child in children] == [-9] * 3
    assert not left(started)


def test_ending_children_that_have_ended_is_no_mistake(tmp_path: Path) -> None:
    child = start_child(["true"], tmp_path / "log")
    child.wait()
    end_children([child], within_s=60)
    end_children([child], within_s=60)
    assert child.returncode == 0


def test_a_held_port_refuses_connections_and_goes_to_nobody_but_the_server_meant_for_it() -> None:
    with held_port() as port, socket.socket() as client, socket.socket() as stranger, socket.socket() as server:
        assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        with pytest.raises(OSError, match="already in use"):
            stranger.bind(("127.0.0.1", port))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        with socket.create_connection(("127.0.0.1", port)) as caller:
            assert caller.getpeername()[1] == port


def test_no_held_port_is_found_twice() -> None:
    with held_port() as one, held_port() as two, socket.socket() as third:
        third.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        third.bind(("127.0.0.1", 0))
        assert len({one, two, third.getsockname()[1]}) == 3

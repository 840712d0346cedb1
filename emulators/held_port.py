"""A port of this machine that is still free when the server for which it was chosen comes to bind it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port() -> Iterator[int]:
    """On 127.0.0.1, given to nobody else while the block runs; until a server binds it, connections are refused.

    A bound socket that does not listen holds it. Servers set SO_REUSEADDR, as it does, and Linux then lets one of them
    in; elsewhere that takes more, so the port is found and not held.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port

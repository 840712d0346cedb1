"""One interrupt ends a program, whatever it is doing: an event that the program looks at, and a last resort.

Python runs a signal's handler in the main thread between any two instructions, also inside a library that cannot bear
an exception there: raised while gRPC starts a call, `KeyboardInterrupt` leaves a channel that waits for ever when it is
closed (grpc/grpc#19973). So nothing is raised. The interpreter writes the signal's number into a socket, and a thread
of its own reads it and sets the event: a handler could meet the event's lock held by the very thread it interrupted.
"""

from __future__ import annotations

import atexit
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from emulators.lifetime import kill_children

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 120.0
"""From the event on; an ending that is well takes a few seconds."""
SPARE_S = 5.0


class Interrupted(Exception):
    """Somebody asked for the end; raised where the program looks (`pause`), never by a signal."""


def pause(stop: threading.Event, seconds: float = 0.0) -> None:
    """Waits so long. Raises `Interrupted` as soon as the end was asked for."""
    if stop.wait(seconds):
        raise Interrupted


def listen(patience_s: float = PATIENCE_S) -> threading.Event:
    """From now on the first SIGINT or SIGTERM sets this event; more of them change nothing. Call it once, at the start.

    A process that still runs `patience_s` after the event was set, by whomever, writes the stack of every thread to
    stderr, kills its children and ends with code 1. SIGUSR1 writes the stacks and changes nothing.
    """
    stop = threading.Event()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in SIGNALS:
        signal.signal(number, _nothing)
    atexit.register(_ignore)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    threading.Thread(target=_hear, args=(reader, writer, stop, patience_s), name="interrupt", daemon=True).start()
    threading.Thread(target=_end_anyway, args=(stop, patience_s), name="last resort", daemon=True).start()
    return stop


def _nothing(number: int, frame: FrameType | None) -> None:
    """Without a handler of Python's the interpreter would not write to the socket."""


def _ignore() -> None:
    """The interpreter gives its signals back to the kernel before it is gone: another one would kill it then."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _hear(reader: socket.socket, writer: socket.socket, stop: threading.Event, patience_s: float) -> None:
    """The writer is here so that it stays open: the interpreter knows only its number."""
    reader.recv(1)
    # Before the event: the main thread may be through with everything before this one runs again.
    _end_in_c(patience_s)
    stop.set()
    while reader.recv(64):
        pass


def _end_anyway(stop: threading.Event, patience_s: float) -> None:
    stop.wait()
    _end_in_c(patience_s)
    time.sleep(patience_s)
    sys.stderr.write(f"not ended {patience_s:g} s after it was asked for; this is what every thread does:\n")
    sys.stderr.flush()
    faulthandler.dump_traceback(all_threads=True)
    kill_children()
    os._exit(1)


def _end_in_c(patience_s: float) -> None:
    """For an interpreter that hangs while it finalises: no thread of Python runs any more by then."""
    faulthandler.dump_traceback_later(patience_s + SPARE_S, exit=True)

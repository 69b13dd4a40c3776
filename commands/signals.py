"""What ends a command line from outside, other than Ctrl-C."""

import errno
import os
import signal
from pathlib import Path
from types import FrameType


def end_as_interrupted() -> None:
    """Take a request to end, and the end of the terminal, as Ctrl-C.

    What is ignored stays ignored: `nohup` has it so for the end of the terminal.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)


def _hang_up(number: int, frame: FrameType | None) -> None:
    """A terminal that has gone takes no output any more: the rest of it goes nowhere, so that the command can end well."""
    with Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            if _has_gone(descriptor):
                os.dup2(nowhere.fileno(), descriptor)
    signal.default_int_handler(number, frame)


def _has_gone(descriptor: int) -> bool:
    try:
        os.ttyname(descriptor)
    except OSError as error:
        return error.errno == errno.EIO  # of what is no terminal, a file for example, it is another
    return False

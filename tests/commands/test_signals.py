"""Laws of how a command line ends from outside: a closed terminal is as Ctrl-C, and what is told to go on goes on."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

# Says that it is ready, waits, and tells how it ended: on the file that it is given, and on its own output.
PROGRAM = """
import fcntl, os, sys, termios, time
from commands import signals
if sys.argv[1] == "terminal":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signals.end_as_interrupted()
try:
    os.write(int(sys.argv[2]), b"ready ")
    time.sleep(5)
except KeyboardInterrupt:
    print("a last word to the terminal", flush=True)
    os.write(int(sys.argv[2]), b"interrupted")
"""


def start(how: str, descriptor: int, *before: str, **streams: int) -> "subprocess.Popen[bytes]":
    command = [*before, sys.executable, "-c", PROGRAM, how, str(descriptor)]
    return subprocess.Popen(command, cwd=ROOT, pass_fds=[descriptor], start_new_session=True, **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_request_to_end_is_as_ctrl_c(number: signal.Signals) -> None:
    ours, theirs = os.pipe()
    with start("pipe", theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        assert os.read(ours, 100) == b"ready "
        process.send_signal(number)
        assert os.read(ours, 100) == b"interrupted" and process.wait(10) == 0
    os.close(ours)


def test_a_closed_terminal_ends_a_command_that_still_writes_to_it() -> None:
    ours, theirs = os.pipe()
    terminal, inside = pty.openpty()
    with start("terminal", theirs, stdin=inside, stdout=inside, stderr=inside) as process:
        os.close(inside)
        os.close(theirs)
        assert os.read(ours, 100) == b"ready "
        os.close(terminal)
        assert os.read(ours, 100) == b"interrupted" and process.wait(10) == 0
    os.close(ours)


def test_what_nohup_starts_outlives_the_terminal() -> None:
    ours, theirs = os.pipe()
    with start("pipe", theirs, "nohup", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        assert os.read(ours, 100) == b"ready "
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert process.poll() is None
        process.terminate()
        assert os.read(ours, 100) == b"interrupted" and process.wait(10) == 0
    os.close(ours)

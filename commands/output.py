"""Standard output that cannot be written to, such as a full disk: one sentence instead of a traceback."""

import os
import sys


def problem() -> str | None:
    """Why nothing more can be written there, in one sentence; None where it can.

    What is still to be written is given up then, so that Python does not try again when it ends.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        return f"standard output cannot be written to: {error.strerror or error}"
    return None

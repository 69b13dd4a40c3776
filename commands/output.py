"""Standard output that cannot be written to, such as a full disk: one sentence instead of a traceback."""

import errno
import os
import sys

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


def problem(error: OSError) -> str | None:
    """What a person is told of an error that came from writing to standard output; None for any other.

    What is still to be written is given up then, so that Python does not try again when it ends.
    """
    try:
        sys.stdout.flush()
    except OSError as again:
        error = again
    else:  # where nothing is buffered nothing is left to fail again; files that cannot be written to have a name
        if error.errno not in _FULL or error.filename is not None:
            return None
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return f"standard output cannot be written to: {error.strerror or error}"

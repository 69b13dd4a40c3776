"""A name for the newest of several folders: a link, or where the file system has none, a small text file with its name."""

import contextlib
import os
from pathlib import Path

from records.errors import ArtifactsError
from records.files import write_text

_LONGEST = 300  # bytes of such a file


def point(link: Path, name: str) -> None:
    """Have `link` name the folder `name` beside it, or in a folder beside it (`folder/name`), from now on.

    Windows without developer mode, and some network folders, have no symbolic links.

    Raises:
        ArtifactsError: there is a folder in the place of the link, as copies that follow links leave one.
        OSError: nothing can be written there.
    """
    if link.is_dir() and not link.is_symlink():
        raise ArtifactsError(f"{link} is a folder, where this program keeps a link to the newest run; give it another name")
    temporary = link.with_name(f".{link.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(name)
    except (OSError, NotImplementedError):
        write_text(link, f"{name}\n")
    else:
        temporary.replace(link)


def followed(path: Path) -> Path:
    """The folder that a path names, whether it is the folder's own, a link's, or that of a file which `point` has written."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.is_file() and path.stat().st_size <= _LONGEST:
            name = path.read_text(encoding="utf-8").strip()
            is_below = name not in ("", ".") and not Path(name).is_absolute() and ".." not in Path(name).parts
            if is_below and (path.parent / name).is_dir():
                return (path.parent / name).resolve()
    return path.resolve()

"""What a container or a service manager leaves this process of memory and processor time: its control groups, of Linux alone.

A process is in a group of each hierarchy, and the limits of all groups above hold for it too. Source: cgroups(7), and the
kernel's documents admin-guide/cgroup-v1/memory and admin-guide/cgroup-v2.
"""

import os
from collections.abc import Iterator
from pathlib import Path


def memory_left(root: Path = Path("/")) -> float:
    """Bytes of memory that this process may still take; infinity where nothing limits it.

    Files that the system merely keeps in memory do not count as taken: it lets go of them when memory is asked for.

    Args:
        root: of the file system.
    """
    left = [float("inf")]
    for group in _groups("memory", root):
        limits = [_number(group / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
        taken = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes") or 0.0
        kept = _table(group / "memory.stat")
        kept_files = kept.get("total_inactive_file", kept.get("inactive_file", 0.0))
        left += [max(0.0, limit - max(0.0, taken - kept_files)) for limit in limits if limit is not None]
    return min(left)


def processors(root: Path = Path("/")) -> float:
    """How many processors' time this process may use, such as 1.5; infinity where nothing limits it."""
    quotas = [float("inf")]
    for group in _groups("cpu", root):
        quota, period = [*_text(group / "cpu.max").split(), "", ""][:2]
        if not quota:
            quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):  # elsewhere it is max, or -1
            quotas.append(int(quota) / int(period))
    return min(quotas)


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's group and of all groups above it, in every hierarchy that may have the controller.

    The usual places come first, for sandboxes that do not say what is mounted.
    """
    yield from (root / "sys/fs/cgroup", root / "sys/fs/cgroup" / controller)
    own = dict[str, str]()  # of each hierarchy: controllers of version 1, or nothing of version 2 -> path of the group
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        own |= dict.fromkeys(names.split(","), path)
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        mounted, place = [*before.split(" "), *[""] * 5][3:5]
        kind, options = after.split(" ")[0], after.split(" ")[-1].split(",")
        name = {"cgroup2": "", "cgroup": controller if controller in options else None}.get(kind)
        if name is not None and own.get(name):
            yield from _upwards(root / place.replace("\\040", " ").lstrip("/"), os.path.relpath(own[name], mounted))


def _upwards(mount: Path, inside: str) -> Iterator[Path]:
    """The folder `inside` a mounted hierarchy, and those above it; a container often sees no more than its own, at the top."""
    folder = mount / inside
    if inside.startswith("..") or not folder.is_dir():
        folder = mount
    yield from (each for each in (folder, *folder.parents) if each == mount or mount in each.parents)


def _text(path: Path) -> str:
    """What a file says; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> float | None:
    text = _text(path)
    return float(text) if text.isdecimal() else None


def _table(path: Path) -> dict[str, float]:
    """A file of names and numbers, one a line."""
    pairs = [line.split() for line in _text(path).splitlines()]
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}

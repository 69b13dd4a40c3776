"""Laws of the number of workers: cores and GPUs, the time and the memory of control groups, and memory that is free bound it."""

import math
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from config import PROFILES, Config, Contender
from data.types import Dataset
from experiment import control_groups, crew, devices
from experiment.crew import bytes_of_worker
from experiment.devices import Device
from experiment.options import with_overrides
from records.classes import Classes

GB = 10**9
V2_MOUNT = "29 22 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = (
    "30 22 0:27 {root} /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
    "31 22 0:28 {root} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 master:2 - cgroup cgroup rw,cpu,cpuacct"
)


def a_system(folder: Path, own: str, mounts: str, files: dict[str, str]) -> Path:
    """A file system with these control groups.

    Args:
        folder: where it is made.
        own: the groups of this process, as in /proc/self/cgroup.
        mounts: as in /proc/self/mountinfo.
        files: path under /sys/fs/cgroup -> content.
    """
    all_files = {"proc/self/cgroup": own, "proc/self/mountinfo": mounts} | {f"sys/fs/cgroup/{k}": v for k, v in files.items()}
    for name, content in all_files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content + "\n")
    return folder


UNLIMITED = str(2**63 - 4096)  # what version 1 says of a group without a limit
V1_OWN = "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/"


@pytest.mark.parametrize(
    ("own", "mounts", "files", "memory", "processors"),
    [
        (
            "0::/",
            V2_MOUNT.format(root="/"),
            {"memory.max": str(4 * GB), "memory.current": str(GB), "cpu.max": "150000 100000"},
            3,
            1.5,
        ),
        ("0::/", V2_MOUNT.format(root="/"), {"memory.max": "max", "cpu.max": "max 100000"}, math.inf, math.inf),
        (  # a limit of any group above holds too, and so does the one above which the system takes memory back
            "0::/user.slice/run.scope",
            V2_MOUNT.format(root="/"),
            {
                "user.slice/memory.max": str(8 * GB),
                "user.slice/memory.current": str(7 * GB),
                "user.slice/memory.stat": f"anon 5\ninactive_file {5 * GB}",  # kept files go where memory is asked for
                "user.slice/run.scope/memory.max": "max",
                "user.slice/run.scope/memory.high": str(9 * GB),
                "user.slice/cpu.max": "400000 100000",
                "user.slice/run.scope/cpu.max": "600000 100000",
            },
            6,
            4,
        ),
        (  # of a path that a container does not see, the top is its own group
            "0::/../../elsewhere",
            V2_MOUNT.format(root="/../.."),
            {"memory.max": str(2 * GB), "cpu.max": "50000 100000"},
            2,
            0.5,
        ),
        (
            V1_OWN,
            V1_MOUNTS.format(root="/docker/abc"),
            {
                "memory/memory.limit_in_bytes": str(4 * GB),
                "memory/memory.usage_in_bytes": str(3 * GB),
                "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {2 * GB}",
                "cpu,cpuacct/cpu.cfs_quota_us": "250000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            3,
            2.5,
        ),
        (
            V1_OWN,
            V1_MOUNTS.format(root="/"),
            {
                "memory/memory.limit_in_bytes": UNLIMITED,
                "memory/docker/memory.limit_in_bytes": str(5 * GB),
                "memory/docker/abc/memory.limit_in_bytes": UNLIMITED,
                "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
            },
            5,
            math.inf,
        ),
        ("", "", {}, math.inf, math.inf),
        ("", "", {"memory.max": str(2 * GB), "cpu.max": "300000 100000"}, 2, 3),  # a sandbox that hides what is mounted
        (
            "",
            "",
            {"memory/memory.limit_in_bytes": str(2 * GB), "cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "2"},
            2,
            0.5,
        ),
        ("nonsense\n::\n0::", "29\n - \n1 2 3 - cgroup2", {"memory.max": "many", "cpu.max": ""}, math.inf, math.inf),
    ],
)
def test_the_limits_of_all_control_groups_of_a_process_are_found(
    own: str, mounts: str, files: dict[str, str], memory: float, processors: float, tmp_path: Path
) -> None:
    root = a_system(tmp_path, own, mounts, files)
    assert control_groups.memory_left(root) == memory * GB
    assert control_groups.processors(root) == processors


def test_a_system_without_control_groups_limits_nothing(tmp_path: Path) -> None:
    assert control_groups.memory_left(tmp_path) == control_groups.processors(tmp_path) == math.inf


@pytest.mark.parametrize(
    ("meminfo", "free"),
    [
        ("MemTotal: 9000000 kB\nMemAvailable:    2000000 kB\nBuffers: 1 kB\n", 2_000_000 * 1024),
        ("MemTotal: 9000000 kB\nMemFree: 1 kB\n", None),  # of a kernel before 3.14
        (None, None),  # no Linux
    ],
)
def test_free_memory_is_what_linux_says_or_else_what_psutil_finds(
    meminfo: str | None, free: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if meminfo is not None:
        (tmp_path / "meminfo").write_text(meminfo)
    monkeypatch.setattr(control_groups, "memory_left", lambda: math.inf)
    expected = psutil.virtual_memory().available if free is None else free
    assert crew.memory_left(tmp_path / "meminfo") == pytest.approx(expected, rel=0.1)
    monkeypatch.setattr(control_groups, "memory_left", lambda: 1.0 * GB)
    assert crew.memory_left(tmp_path / "meminfo") == GB


CORES = tuple(Device("cpu", number, "cpu") for number in range(8))


@pytest.mark.parametrize(
    ("wanted", "free", "count", "said"),
    [
        (None, math.inf, 8, ""),
        (None, 100 * GB, 8, ""),
        (None, 3.9 * GB, 2, "2 workers: 3.9 GB of memory allow no more, at about 1.4 GB for each; --workers N decides otherwise"),
        (None, 2.0 * GB, 1, "1 worker: 2.0 GB of memory allow no more, at about 1.4 GB for each; --workers N decides otherwise"),
        (None, 1.0 * GB, 1, "1 worker: it may take 1.4 GB, and 1.0 GB of memory are free: smaller space.batch_size, "),
        (3, 1.0 * GB, 3, ""),
        (20, 100 * GB, 20, ""),
    ],
)
def test_memory_bounds_the_workers_unless_their_number_is_given(
    wanted: int | None, free: float, count: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "memory_left", lambda: free)
    monkeypatch.setattr(crew, "processors_in_all", lambda: 8)
    found = crew.crew(CORES, wanted, 1.4 * GB)
    assert len(found.devices) == count and found.limit.startswith(said) and bool(found.limit) == bool(said)


@pytest.mark.parametrize(("quota", "cores"), [(0.5, 1), (1.5, 2), (2, 2), (5.01, 6), (64, 32), (math.inf, 32)])
def test_a_quota_bounds_the_workers_and_is_said(quota: float, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `docker --cpus 2` gives on a machine of 32 cores, all of which the process may run on."""
    monkeypatch.setattr(control_groups, "processors", lambda: quota)
    for room in (devices, crew):
        monkeypatch.setattr(room, "processors_in_all", lambda: 32)
    monkeypatch.setattr(crew, "memory_left", lambda: math.inf)
    found = crew.crew(devices.available("cpu", "tensorflow"), None, GB)
    assert len(found.devices) == devices.cores() == cores
    sentence = f": a quota of {quota:g} processors allows no more of the 32 there are; --workers N decides otherwise"
    assert found.limit == (f"{cores} worker{'s' * (cores > 1)}{sentence}" if cores < 32 else "")


def test_a_plan_says_what_bounded_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import main as command_line

    monkeypatch.delenv("LENGTHWISE_DATA", raising=False)
    monkeypatch.setattr(control_groups, "memory_left", lambda: 3.0 * GB)
    monkeypatch.setattr(devices, "processors_in_all", lambda: 32)
    monkeypatch.setattr(control_groups, "processors", lambda: math.inf)
    command = ["smoke", "--dry-run", "--artifacts", str(tmp_path), "--set", "data.demo_reviews=600", "run.device=cpu"]
    assert command_line.main(command) == 0
    out = capsys.readouterr().out
    assert "with 2 workers" in out and "2 workers: 3.0 GB of memory allow no more, at about 1.0 GB for each" in out
    assert command_line.main([*command, "--workers", "5"]) == 0
    out = capsys.readouterr().out
    assert "with 5 workers" in out and "allow no more" not in out


@pytest.mark.parametrize(("most", "free", "count"), [(9, math.inf, 4), (3, math.inf, 3), (9, 1.6 * GB, 3), (9, 0.1 * GB, 1)])
def test_other_processes_are_bounded_by_cores_and_memory_too(
    most: int, free: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "memory_left", lambda: free)
    monkeypatch.setattr(crew, "cores", lambda: 4)
    assert crew.processes(most, 0.5 * GB) == count


def test_a_worker_needs_what_its_largest_network_and_its_reviews_take(demo_data: Dataset, smoke_config: Config) -> None:
    small = bytes_of_worker(smoke_config, demo_data, "cpu")
    assert crew.LIBRARIES["cpu"] < small < 1.2 * crew.LIBRARIES["cpu"]

    def grown(space: str) -> float:
        return bytes_of_worker(with_overrides(smoke_config, [space]), demo_data, "cpu") - small

    assert 0 < grown("space.units=256") < grown("space.units=1024") < grown("space.units=Choice(8, 2048)")
    assert grown("space.batch_size=512") > 0 and grown("space.embedding_dim=4096") > 0
    assert grown("compare.scope=all") == grown("compare.scope=both") > 0  # a yardstick of all reviews is larger than one of some
    wide = Contender("gru", "Wide", set={"space.units": 2048})
    listed = replace(smoke_config, compare=replace(smoke_config.compare, architectures=("gru", wide)))
    assert bytes_of_worker(listed, demo_data, "cpu") - small == grown("space.units=2048")
    on_gpu = bytes_of_worker(listed, demo_data, "gpu")
    assert on_gpu == bytes_of_worker(smoke_config, demo_data, "gpu") > crew.LIBRARIES["gpu"]  # networks are in its own memory


@pytest.mark.parametrize(
    ("profile", "measured"), [("quick", 1.4), ("all_architectures", 1.8), ("study_evidence", 2.0), ("study", 2.5), ("best", 3.2)]
)
def test_what_a_worker_is_expected_to_take_is_what_profiles_took(profile: str, measured: float, demo_data: Dataset) -> None:
    """GB of the largest worker of each profile, of docs/speed.md; the longest IMDB review has 2,494 tokens."""
    config, imdb_ids = PROFILES[profile].config, 48e6
    data = replace(demo_data, vocab_size=config.data.vocab_size)
    networks = [crew._of_network(e.config, e.registered.cost, 2_494, data) for e in crew.Roster.of(config).entries]
    expected = crew.LIBRARIES["cpu"] + imdb_ids + max(networks)
    assert expected / GB == pytest.approx(measured, rel=0.25)


def test_a_yardstick_of_very_many_reviews_takes_no_more_for_more_of_them(
    demo_data: Dataset, smoke_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "MANY", 100)
    half = demo_data.first(demo_data.n_labelled // 2)
    assert crew._of_yardstick(smoke_config, demo_data) == crew._of_yardstick(smoke_config, half) < GB


def test_more_classes_take_more_memory(demo_data: Dataset, smoke_config: Config) -> None:
    many = replace(demo_data, classes=Classes(tuple(map(str, range(50)))))
    told = with_overrides(smoke_config, ["space.evidence=3"])
    (entry, *_) = crew.Roster.of(told).entries
    small, large = (crew._of_network(entry.config, 1.0, 100, data) for data in (demo_data, many))
    assert 2 * crew._of_yardstick(smoke_config, demo_data) < crew._of_yardstick(smoke_config, many) and small < large

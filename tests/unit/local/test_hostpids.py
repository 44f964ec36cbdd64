"""Pids inside of a cluster's namespace, and outside of it."""

from pathlib import Path

import pytest

from headrace_local.machine import hostpids


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A cluster held by 100: its first process is 101, a container in it 140, and 7 is somebody else."""
    for pid, parent, inner in (
        (1, 0, "1"),
        (7, 1, "7"),
        (100, 1, "100"),
        (101, 100, "101\t1"),
        (120, 101, "120\t8"),
        (140, 120, "140\t20\t1"),
        (141, 140, "141\t21\t2"),
    ):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "status").write_text(f"Name:\tx y\nPPid:\t{parent}\nNSpid:\t{inner}\n")
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} " + " ".join(map(str, range(5, 40))))
    (tmp_path / "self").mkdir()
    return tmp_path


def test_a_process_is_found_by_its_pid_in_the_clusters_namespace(proc: Path) -> None:
    assert hostpids.translate(100, proc) == {1: 101, 8: 120, 20: 140, 21: 141}


def test_nothing_is_below_a_process_that_has_ended(proc: Path) -> None:
    assert hostpids.translate(99, proc) == {}


def test_a_process_is_named_by_its_start_whatever_its_name_looks_like(proc: Path) -> None:
    assert hostpids.started(100, proc) == "22"
    assert hostpids.started(99, proc) is None


def test_a_dead_process_that_waits_for_its_parent_does_not_live(proc: Path) -> None:
    stat = proc / "7" / "stat"
    stat.write_text(stat.read_text().replace(") S ", ") Z "))
    assert hostpids.started(7, proc) is None

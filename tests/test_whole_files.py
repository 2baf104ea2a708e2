"""Files that are whole: the old bytes or the new ones, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import signal
import stat

import pytest

from riskops import whole_files


def test_a_file_is_put_in_place_for_the_desk_only_and_leaves_no_draft(tmp_path):
    whole_files.put(tmp_path / "deep" / "limits.json", b"new")
    (made,) = (tmp_path / "deep").iterdir()
    assert made.read_bytes() == b"new"
    assert stat.S_IMODE(made.stat().st_mode) == 0o640


def test_the_same_bytes_again_touch_nothing(tmp_path):
    path = tmp_path / "limits.json"
    whole_files.put(path, b"same")
    before = path.stat().st_ino
    whole_files.put(path, b"same")
    assert path.stat().st_ino == before


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_where_writing_fails_the_old_file_is_there_and_no_draft(step, tmp_path, monkeypatch):
    path = tmp_path / "limits.json"
    whole_files.put(path, b"old")

    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        whole_files.put(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["limits.json"]
    assert path.read_bytes() == b"old"


def in_a_child(work):
    """Do `work` in a child and return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("step", ["fchmod", "fsync"])
def test_a_kill_on_the_way_leaves_the_old_file_or_the_new_one(step, tmp_path):
    path = tmp_path / "limits.json"
    whole_files.put(path, b"old")

    def killed():
        setattr(os, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        whole_files.put(path, b"new")

    assert in_a_child(killed) == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    whole_files.put(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_link_moves_in_one_step_and_stays_where_it_is_asked_to(tmp_path):
    link = tmp_path / "current"
    whole_files.point(link, "2026-03-13")
    whole_files.point(link, "2026-03-16")
    whole_files.point(link, "2026-03-16")
    assert os.readlink(link) == "2026-03-16"
    assert list(tmp_path.iterdir()) == [link]


def test_a_lock_keeps_others_out_and_ends_with_its_process(tmp_path):
    lock = tmp_path / "a.lock"
    with whole_files.locked(lock):
        assert in_a_child(lambda: _try(lock, tmp_path / "entered")) == 0
    assert not (tmp_path / "entered").exists()
    in_a_child(lambda: whole_files.locked(lock).__enter__())
    _try(lock, tmp_path / "entered")
    assert (tmp_path / "entered").exists()


def _try(lock, mark):
    with whole_files.locked(lock, patience_seconds=0):
        mark.touch()

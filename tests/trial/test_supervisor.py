"""One supervisor owns everything: order, signals, what dies, and what a killed one leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from riskops.errors import ConfigurationError, TrialError
from riskops.trial.processes import Program
from riskops.trial.supervisor import Service, StopAsked, StopAskedError
from tests.trial.conftest import living_below
from tests.trial.fake_programs import NOTES, notes, program, service, stubborn, supervising, until

ROOT = Path(__file__).parents[2]


def supervisor_of_its_own(folder: Path) -> subprocess.Popen[bytes]:
    """Start a supervisor in another process, and wait until its programs run."""
    (folder / "ready").unlink(missing_ok=True)
    started = subprocess.Popen([sys.executable, "-m", "tests.trial.fake_programs", folder], cwd=ROOT)
    until(lambda: (folder / "ready").exists() or started.poll() is not None)
    assert started.poll() is None
    return started


class TestOrder:
    def test_what_was_started_last_is_stopped_first(self, folder):
        with supervising(folder) as supervisor:
            for name in ("database", "server", "scheduler"):
                supervisor.start(service(folder, program(name)))
        order = [line.split() for line in notes(folder)]
        assert [name for name, what in order if what == "started"] == ["database", "server", "scheduler"]
        assert [name for name, what in order if what == "stopped"] == ["scheduler", "server", "database"]

    def test_the_next_is_not_started_before_the_one_before_is_healthy(self, folder):
        healthy = folder / "healthy"
        late = program("database", f"sleep 0.3; touch {healthy}; while :; do sleep 0.05; done")
        after = program(
            "server", f"[ -e {healthy} ] && echo server saw it >> {NOTES}; while :; do sleep 0.05; done"
        )
        with supervising(folder) as supervisor:
            supervisor.start(Service(late, lambda _: healthy.exists()))
            supervisor.start(Service(after, lambda _: "server saw it" in notes(folder)))

    def test_preparations_end_before_anything_goes_on(self, folder):
        with supervising(folder) as supervisor:
            supervisor.complete(program("one", "exit 0"), program("two", f"echo two done >> {NOTES}"))
            assert "two done" in notes(folder)

    def test_an_error_of_a_preparation_names_its_log_and_stops_the_others(self, folder):
        with supervising(folder) as supervisor:
            with pytest.raises(TrialError, match=r"migrate ended with exit code 7 .*log/migrate\.log"):
                supervisor.complete(program("demo"), program("migrate", "sleep 0.2; exit 7"))
            assert living_below(folder) == []


def tasks_below(folder):
    """Return the tasks that a service has begun below a folder, once it has begun one."""
    until(lambda: any(process.name() == "sleep" for process in living_below(folder)))
    return [process for process in living_below(folder) if process.name() == "sleep"]


class TestDying:
    def test_a_service_that_dies_is_started_again_and_every_start_is_told(self, folder):
        said, seen, asked = [], [], StopAsked()
        with supervising(folder, said.append, asked) as supervisor:
            supervisor.start(service(folder, program("scheduler"), restarts=2))
            before = supervisor.pids["scheduler"]
            psutil.Process(before).kill()

            def changed():
                seen.append(supervisor.pids["scheduler"])
                asked.yes = True

            supervisor.watch(changed)
        assert len(seen) == 1
        assert before not in seen
        assert any("scheduler was killed by SIGKILL" in line and "(1 of 2)" in line for line in said)

    def test_a_service_that_dies_too_often_stops_everything_and_names_its_log(self, folder):
        def supervise():
            with supervising(folder) as supervisor:
                supervisor.start(service(folder, program("strong")))
                supervisor.start(service(folder, program("weak", "sleep 0.3; exit 3"), restarts=2))
                supervisor.watch(lambda: None)

        with pytest.raises(TrialError, match=r"weak ended with exit code 3 .*log/weak\.log.*Restarts: 2"):
            supervise()
        assert notes(folder).count("weak started") == 3
        assert "strong stopped" in notes(folder)
        assert living_below(folder) == []

    def test_nothing_of_a_dead_service_outlives_its_new_start(self, folder):
        asked = StopAsked()
        with supervising(folder, asked=asked) as supervisor:
            supervisor.start(service(folder, stubborn("scheduler"), restarts=1))
            tasks = tasks_below(folder)
            psutil.Process(supervisor.pids["scheduler"]).kill()

            def changed():
                assert not any(task.is_running() for task in tasks)
                asked.yes = True

            supervisor.watch(changed)

    def test_a_service_that_dies_while_it_is_waited_for_ends_the_start(self, folder):
        with (
            pytest.raises(TrialError, match=r"server ended with exit code 1"),
            supervising(folder) as supervisor,
        ):
            supervisor.start(Service(program("server", "sleep 0.2; exit 1"), lambda _: False))
        assert living_below(folder) == []

    def test_a_service_that_does_not_get_healthy_ends_the_start_and_names_its_log(self, folder):
        with (
            pytest.raises(TrialError, match=r"server did not get healthy .*log/server\.log"),
            supervising(folder, ready_seconds=0.3) as supervisor,
        ):
            supervisor.start(Service(program("server"), lambda _: False))
        assert living_below(folder) == []

    def test_a_program_that_is_not_there_is_an_error_of_the_desk(self, folder):
        missing = Program("server", ("/no/such/program",), {})
        with pytest.raises(TrialError, match="server ended with exit code 127"), supervising(folder) as it:
            it.start(Service(missing, lambda _: False))


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_signal_stops_everything_also_what_would_not_go(self, folder, number):
        supervisor = supervisor_of_its_own(folder)
        assert len(living_below(folder)) > 2
        supervisor.send_signal(number)
        assert supervisor.wait(20) == 0
        assert "first stopped" in notes(folder)
        assert living_below(folder) == []

    def test_being_asked_while_something_starts_stops_what_is_there(self, folder):
        asked = StopAsked()

        def never(_started):
            asked.yes = True
            return False

        with supervising(folder, asked=asked) as supervisor:
            supervisor.start(service(folder, program("database")))
            supervisor.start(Service(program("server"), never))
            pytest.fail("it went on")
        assert living_below(folder) == []
        assert "database stopped" in notes(folder)

    def test_being_asked_is_no_error_outside(self, folder):
        with supervising(folder):
            raise StopAskedError


class TestOneAtATime:
    def test_a_second_supervisor_is_refused_and_told_who_the_first_is(self, folder):
        first = supervisor_of_its_own(folder)
        with (
            pytest.raises(ConfigurationError, match=rf"running already \(process {first.pid}\)"),
            supervising(folder),
        ):
            pytest.fail("there are two")
        assert first.poll() is None
        first.terminate()
        assert first.wait(20) == 0

    def test_what_a_killed_one_left_is_stopped_by_the_next(self, folder):
        first = supervisor_of_its_own(folder)
        left = living_below(folder)
        first.kill()
        first.wait()
        said = []
        with supervising(folder, said.append):
            assert not any(process.is_running() for process in left)
        assert [line.split()[1].rstrip(",") for line in said] == ["second", "first"]
        assert "first stopped" in notes(folder)

    def test_the_logs_of_the_run_before_are_kept_apart(self, folder):
        for word in ("yesterday", "today"):
            with supervising(folder) as supervisor:
                supervisor.complete(program("demo", f"echo {word}"))
        assert (folder / "log" / "demo.log").read_text() == "today\n"
        assert (folder / "log" / "demo.log.before").read_text() == "yesterday\n"

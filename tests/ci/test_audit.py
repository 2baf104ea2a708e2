"""The audit of dependencies: findings fail, an unreachable database is told loudly and does not."""

from __future__ import annotations

import importlib.util
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOME = 'numpy==2.3.4 ; python_full_version < "3.12"\n    # via pandas\npsycopg[binary]==3.2.1\nnot a pin\n'
FINDING = {"results": [{}, {"vulns": [{"id": "GHSA-xxxx-yyyy-zzzz"}]}]}


@pytest.fixture(scope="module")
def audit():
    specification = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def requirements(tmp_path):
    (tmp_path / "requirements.txt").write_text(SOME)
    return tmp_path / "requirements.txt"


@contextmanager
def database(answer, status=200):
    """Serve as the database of advisories; yield its address and the questions it hears."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_every_pin_is_asked_about_and_nothing_found_is_well(audit, requirements, capsys):
    with database({"results": [{}, {}]}) as (address, asked):
        assert audit.main(requirements, address) == 0
    packages = [(query["package"]["name"], query["version"]) for query in asked[0]["queries"]]
    assert packages == [("numpy", "2.3.4"), ("psycopg", "3.2.1")]
    assert "2 pinned versions, 0 open advisories" in capsys.readouterr().err


def test_a_finding_fails_and_names_package_and_advisory(audit, requirements, capsys):
    with database(FINDING) as (address, _asked):
        assert audit.main(requirements, address) == 1
    assert "psycopg 3.2.1: https://osv.dev/vulnerability/GHSA-xxxx-yyyy-zzzz" in capsys.readouterr().err


def test_a_finding_that_was_accepted_with_a_reason_does_not(audit, requirements, monkeypatch, capsys):
    monkeypatch.setattr(audit, "ACCEPTED", {"GHSA-xxxx-yyyy-zzzz": "the function is never called"})
    with database(FINDING) as (address, _asked):
        assert audit.main(requirements, address) == 0
    assert "1 accepted with a reason" in capsys.readouterr().err


def test_a_database_out_of_reach_is_told_loudly_and_fails_nothing(audit, requirements, capsys):
    with database({}) as (address, _asked):
        pass
    assert audit.main(requirements, address) == 0
    assert "NOT AUDITED" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", 500),
        (b"<html>", 200),
        ({"results": [{}]}, 200),
        ({}, 200),
        ([], 200),
        ({"results": [1, 2]}, 200),
    ],
)
def test_an_answer_that_cannot_be_read_is_no_clean_bill(answer, status, audit, requirements, capsys):
    with database(answer, status) as (address, _asked):
        assert audit.main(requirements, address) == 2
    assert "NOT AUDITED" in capsys.readouterr().err


def test_a_file_without_pins_is_no_clean_bill(audit, tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy\n")
    assert audit.main(tmp_path / "requirements.txt") == 2


def test_the_lock_pins_every_requirement(audit):
    pinned = {name.lower() for name, _ in audit.PINNED.findall((ROOT / "requirements.txt").read_text())}
    lines = (ROOT / "requirements.in").read_text().splitlines()
    wanted = {line.split()[0].split("[")[0].split("==")[0] for line in lines if line and line[0] != "#"}
    assert wanted <= pinned


def test_every_accepted_advisory_has_its_reason(audit):
    assert all(reason.strip() for reason in audit.ACCEPTED.values())


def test_ci_audits_with_every_check():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [check] = [line for line in makefile.splitlines() if line.startswith("check:")]
    assert "audit" in check.split("##")[0].split()
    assert "make check" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".ci/audit.py requirements.txt" in makefile

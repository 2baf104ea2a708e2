"""What Airflow says about its parts, and what counts as a sign of life."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from riskops.trial import health
from riskops.trial.ports import usable_port

STARTED = datetime(2026, 10, 30, 10, 0, tzinfo=UTC)


@pytest.fixture
def api():
    """Return a web server that answers with its `says`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.says.encode())

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.says = "{}"
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def says(status: str, beat: datetime | None, part: str = "scheduler") -> str:
    sign = beat.isoformat() if beat else None
    return json.dumps({part: {"status": status, f"latest_{part}_heartbeat": sign}})


def test_a_part_is_healthy_after_a_sign_of_life_since_its_start(api):
    api.says = says("healthy", STARTED + timedelta(seconds=1))
    assert health.is_healthy(api.url, "scheduler", STARTED)


@pytest.mark.parametrize(
    ("status", "beat"),
    [("unhealthy", STARTED), ("healthy", STARTED - timedelta(seconds=1)), ("healthy", None)],
    ids=["it says so", "the sign is its predecessor's", "no sign yet"],
)
def test_a_part_is_not_healthy_yet(api, status, beat):
    api.says = says(status, beat)
    assert not health.is_healthy(api.url, "scheduler", STARTED)


def test_the_health_of_one_part_is_not_another_s(api):
    api.says = says("healthy", STARTED)
    assert not health.is_healthy(api.url, "triggerer", STARTED)


def test_the_server_answers_once_it_reaches_its_database(api):
    for status, expected in (("unhealthy", False), ("healthy", True)):
        api.says = json.dumps({"metadatabase": {"status": status}})
        assert health.answers(api.url) is expected


@pytest.mark.parametrize("said", ["", "[]", "<html>not Airflow</html>"])
def test_an_answer_of_somebody_else_is_no_health(api, said):
    api.says = said
    assert not health.answers(api.url)


def test_nobody_there_is_no_health():
    assert not health.answers(f"http://127.0.0.1:{usable_port(0, 'a test')}")

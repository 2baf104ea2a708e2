"""The second channel: it says what happened, once, and never stands in the morning's way."""

from __future__ import annotations

import logging
import socketserver
import threading
from dataclasses import replace

import pytest

from riskops import second_channel
from riskops.errors import ConfigurationError, DeliveryError
from riskops.pipeline.send import send
from riskops.records import Rung, RunType, Verb
from riskops.second_channel import Entry, ping, tell, tell_anyway
from riskops.settings import read_settings
from tests.builders import SESSION
from tests.delivery_process import report
from tests.desks import environment, on_the_morning, opened, run_for
from tests.small_desks import PUBLICATION

CANARY = "canary-token-7f3a"


def addresses(server):
    root = f"http://127.0.0.1:{server.server_address[1]}"
    return {
        "RISKOPS_ON_CALL_WEBHOOK": f"{root}/on-call/{CANARY}",
        "RISKOPS_HEARTBEAT_URL": f"{root}/beat/{CANARY}",
    }


def settings_of(folder, **changes):
    return read_settings(environment(folder, RISKOPS_DATABASE_URL="sqlite:///none.db", **changes))


def decided(folder, server, publication=PUBLICATION, **changes):
    desk = opened(folder, on_the_morning(SESSION), **addresses(server), **changes)
    if publication is not None:
        desk.store.mornings.publish(publication, {})
        desk.store.mornings.archive(replace(report(), session=SESSION), {})
    return desk


def held():
    return replace(PUBLICATION, rung=Rung.HOLD, why="the ingest failed")


def paths(server):
    return [path.split("/")[1] for path, _ in server.heard]


class TestMessages:
    def test_on_call_is_told_in_words_that_name_the_deployment(self, listener, tmp_path):
        settings = settings_of(tmp_path, **addresses(listener))
        assert tell(settings, "send_report was given up.", "send-report")
        said = "RiskOps test: send_report was given up. What to do: docs/runbook.md#send-report"
        assert listener.heard == [(f"/on-call/{CANARY}", {"text": said})]

    def test_where_the_runbook_is_served_the_message_links_to_its_entry(self, listener, tmp_path):
        changes = addresses(listener) | {"RISKOPS_RUNBOOK_URL": "https://risk.example.com/runbook"}
        assert tell(settings_of(tmp_path, **changes), "text", Entry.WATCHDOG)
        assert tell_anyway(changes, "text", "send-report")
        links = [body["text"].split(" What to do: ")[1] for _, body in listener.heard]
        assert links == [f"https://risk.example.com/runbook#{e}" for e in (Entry.WATCHDOG, "send-report")]

    def test_a_place_that_cannot_be_read_leaves_the_one_in_the_project(self, listener, tmp_path):
        assert tell_anyway(addresses(listener) | {"RISKOPS_RUNBOOK_URL": "nowhere"}, "text", "send-report")
        assert listener.heard[0][1]["text"].endswith("What to do: docs/runbook.md#send-report")

    def test_without_an_address_nothing_is_sent(self, tmp_path):
        settings = settings_of(tmp_path)
        assert (tell(settings, "text", Entry.WATCHDOG), ping(settings)) == (False, False)

    def test_a_refusal_is_logged_without_the_address(self, listener, tmp_path, caplog):
        listener.answer = 500
        settings = settings_of(tmp_path, **addresses(listener))
        with caplog.at_level(logging.DEBUG):
            assert not tell(settings, "text", Entry.WATCHDOG)
        assert "The on-call webhook answered 500." in caplog.text
        assert CANARY not in caplog.text

    def test_a_channel_that_is_down_is_logged_without_the_address(self, tmp_path, caplog):
        url = f"http://127.0.0.1:1/{CANARY}"
        with caplog.at_level(logging.DEBUG):
            assert not ping(settings_of(tmp_path, RISKOPS_HEARTBEAT_URL=url))
        assert "The heartbeat cannot be reached: ConnectError." in caplog.text
        assert CANARY not in caplog.text

    def test_a_host_that_can_have_no_name_is_logged_without_the_address(self, tmp_path, caplog):
        with caplog.at_level(logging.DEBUG):
            url = f"http://xn--:9/{CANARY}"
            assert not ping(settings_of(tmp_path, RISKOPS_HEARTBEAT_URL=url))
        assert "The heartbeat cannot be reached" in caplog.text
        assert CANARY not in caplog.text

    @pytest.mark.parametrize("name", ["RISKOPS_ON_CALL_WEBHOOK", "RISKOPS_HEARTBEAT_URL"])
    def test_what_is_no_web_address_is_refused_and_not_shown(self, name, tmp_path):
        with pytest.raises(ConfigurationError, match=f"{name} is no web address") as caught:
            settings_of(tmp_path, **{name: f"ftp://{CANARY}"})
        assert CANARY not in str(caught.value)


@pytest.fixture
def dripping(monkeypatch):
    """Return the address of a server that goes on answering for as long as it is listened to."""
    monkeypatch.setattr(second_channel, "LONGEST_SECONDS", 0.5)
    over = threading.Event()

    class Drip(socketserver.StreamRequestHandler):
        def handle(self):
            while not over.wait(0.05):
                self.wfile.write(b"H")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        over.set()
        server.shutdown()
        serving.join()


def test_a_server_that_answers_byte_by_byte_is_left_alone(dripping, tmp_path, caplog):
    settings = settings_of(tmp_path, RISKOPS_HEARTBEAT_URL=dripping)
    assert not ping(settings)
    assert "The heartbeat gave no answer within 0.5 s." in caplog.text


class TestMorning:
    def test_a_mail_on_a_usual_rung_only_beats(self, listener, folder):
        with decided(folder, listener) as desk:
            send(desk, run_for(SESSION))
        assert paths(listener) == ["beat"]

    def test_a_mail_with_held_limits_tells_on_call_the_rung_and_why(self, listener, folder):
        with decided(folder, listener, held()) as desk:
            send(desk, run_for(SESSION))
        assert paths(listener) == ["beat", "on-call"]
        assert "rung 3 hold: the ingest failed" in listener.heard[1][1]["text"]

    def test_a_minimal_mail_without_limits_tells_on_call(self, listener, folder):
        with decided(folder, listener, None) as desk:
            send(desk, run_for(SESSION))
        assert "a minimal mail left" in listener.heard[1][1]["text"]

    def test_a_minimal_mail_with_this_mornings_limits_tells_on_call(self, listener, folder):
        with decided(folder, listener) as desk:
            desk.store.mornings.fail(SESSION, 0, Verb.COMPOSE, "the ink has run out")
            send(desk, run_for(SESSION))
        assert "a minimal mail left" in listener.heard[1][1]["text"]

    def test_a_second_call_says_nothing(self, listener, folder):
        with decided(folder, listener, held()) as desk:
            send(desk, run_for(SESSION))
            listener.heard.clear()
            send(desk, run_for(SESSION))
        assert listener.heard == []

    def test_a_backfill_says_nothing(self, listener, folder):
        with decided(folder, listener, held()) as desk:
            send(desk, run_for(SESSION, RunType.BACKFILL, deliver=True))
        assert listener.heard == []

    def test_a_mail_that_did_not_leave_does_not_beat(self, listener, folder):
        down = decided(folder, listener, RISKOPS_FAULT="smtp_down")
        with down as desk, pytest.raises(DeliveryError):
            send(desk, run_for(SESSION))
        assert listener.heard == []

    def test_a_second_channel_that_refuses_does_not_fail_the_morning(self, listener, folder):
        listener.answer = 503
        with decided(folder, listener, held()) as desk:
            assert send(desk, run_for(SESSION))["delivered"] == ["files"]
            assert desk.store.mornings.stages(SESSION, 0)[Verb.SEND].is_done

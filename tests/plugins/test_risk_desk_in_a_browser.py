"""The page of the desk as people use it: Airflow's own login, in headless Chromium, on any screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from riskops.desk_page.addresses import trader
from riskops.trial.ports import LOOPBACK, usable_port
from tests.airflow_home import environment as airflow_environment
from tests.builders import SESSION
from tests.desk_pages import CUT, SCRIPT
from tests.desks import copied, environment
from tests.driven_chromium import driven
from tests.outside_programs import require
from tests.scheduler.live_airflow import until

pytestmark = pytest.mark.slow

AIRFLOW = Path(sys.executable).parent / "airflow"
LOGINS = {"oncall": "admin", "manager": "viewer"}
PASSWORDS = {login: f"{login}-in-a-test" for login in LOGINS}
PAGES = ("", trader(CUT, SESSION), trader(SCRIPT, SESSION), "evidence", "mails", "health")
READY_SECONDS = 120


@pytest.fixture(scope="module")
def chromium() -> str:
    return require("chromium")


@pytest.fixture(scope="module")
def site(chromium, template, tmp_path_factory):
    """Return the address of an api-server of Airflow on a desk with a mailed morning."""
    folder = tmp_path_factory.mktemp("site")
    desk = copied(template, folder / "desk")
    home = folder / "airflow"
    home.mkdir()
    (home / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(PASSWORDS))
    port = usable_port(0, "the api-server of this test")
    settings = {
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{k}:{v}" for k, v in LOGINS.items()),
    }
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("RISKOPS_", "AIRFLOW"))}
    whole = outside | airflow_environment(home) | environment(desk, RISKOPS_SOURCE="csv") | settings
    with (folder / "log").open("w") as log:
        subprocess.run([AIRFLOW, "db", "migrate"], env=whole, stdout=log, stderr=log, check=True)
        server = subprocess.Popen([AIRFLOW, "api-server"], env=whole, stdout=log, stderr=log)
    try:
        address = f"http://{LOOPBACK}:{port}"
        until(lambda: answers(address, server), READY_SECONDS, f"the api-server: see {folder / 'log'}")
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def answers(address, server):
    assert server.poll() is None, "the api-server ended"
    try:
        return httpx.get(f"{address}/api/v2/monitor/health", timeout=5).is_success or None
    except httpx.TransportError:
        return None


def logged_in(page, site, login):
    """Log in as people do: by Airflow's own form."""
    page.open(f"{site}/auth/login")
    page.until("!!document.querySelector('input[name=password]')")
    page.fill("input[name=username]", login)
    page.fill("input[name=password]", PASSWORDS[login])
    page.evaluate("document.querySelector('button[type=submit]').click()")
    page.until("location.pathname === '/' && document.readyState === 'complete'")
    page.asked.clear()
    page.complaints.clear()
    return page


@pytest.fixture(scope="module")
def oncall(site, chromium):
    with driven(chromium) as page:
        yield logged_in(page, site, "oncall")


@pytest.fixture(scope="module")
def manager(site, chromium):
    with driven(chromium) as page:
        yield logged_in(page, site, "manager")


def test_without_a_login_there_is_nothing_but_the_way_to_one(site, chromium):
    with driven(chromium) as page:
        seen = page.open(f"{site}/risk-desk/")
    assert "You are not logged in" in seen["words"]
    assert CUT not in seen["words"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_100, 380])
def test_every_page_fits_every_screen_and_asks_nobody_else(site, manager, width, scheme):
    manager.sized(width, 900)
    manager.coloured(scheme)
    for path in PAGES:
        seen = manager.open(f"{site}/risk-desk/{path}")
        assert seen["beyond"] == [], path
        assert seen["scrolls"] <= seen["width"] == width, path
        assert len(seen["words"]) > 200
        red_green_blue = [int(part) for part in seen["ground"][4:-1].split(",")]
        assert (sum(red_green_blue) > 384) is (scheme == "light"), path
    asked = {address for address in manager.asked if not address.startswith("data:")}
    assert {address for address in asked if not address.startswith(f"{site}/")} == set()
    assert manager.complaints == []


def test_the_limits_are_told_and_a_name_is_only_a_name(site, manager):
    words = manager.open(f"{site}/risk-desk/")["words"]
    assert "REDUCE LIMIT BY 50% - new limit $2,500 (from $5,000)" in " ".join(words.split())
    assert SCRIPT in words
    assert manager.open(f"{site}/risk-desk/{trader(SCRIPT, SESSION)}")["title"].startswith(f"Trader {SCRIPT}")


def test_it_is_an_entry_of_airflow_s_navigation(site, oncall):
    oncall.open(f"{site}/")
    oncall.until("[...document.querySelectorAll('a')].some(a => a.pathname === '/plugin/risk-desk')")
    oncall.open(f"{site}/plugin/risk-desk")
    oncall.until("!!document.querySelector('iframe')?.contentDocument?.querySelector('main h1')")
    title = oncall.evaluate("document.querySelector('iframe').contentDocument.querySelector('h1').innerText")
    assert title == "Daily loss limits for Monday 16 March 2026"
    oncall.complaints.clear()  # Airflow's own, of its own frame


def test_the_keyboard_reaches_the_page_past_the_navigation_and_shows_where_it_is(site, oncall):
    oncall.open(f"{site}/risk-desk/")
    oncall.press("Tab", 9)
    focused = "document.activeElement"
    assert oncall.evaluate(f"{focused}.innerText") == "Skip to the page"
    assert oncall.evaluate(f"{focused}.getBoundingClientRect().left >= 0")
    assert oncall.evaluate(f"getComputedStyle({focused}).outlineStyle") == "solid"
    oncall.evaluate(f"{focused}.click()")
    assert oncall.until("document.activeElement.id === 'main'")


def test_a_mail_is_acknowledged_by_its_form_and_everybody_sees_it(site, oncall, manager):
    oncall.open(f"{site}/risk-desk/")
    oncall.fill("#acknowledge-note", "called the desk")
    seen = oncall.click("form[action=acknowledge] button")
    assert "Recorded: you have read this mail." in seen["words"]
    words = manager.open(f"{site}/risk-desk/")["words"]
    assert "called the desk" in words
    assert oncall.complaints == []


def test_a_refusal_is_read_out_and_keeps_what_was_typed(site, oncall):
    oncall.open(f"{site}/risk-desk/{trader(CUT, SESSION)}")
    oncall.fill("#override-reduction", "60")
    oncall.evaluate("document.querySelector('form[action=override]').noValidate = true")
    oncall.click("form[action=override] button")
    assert oncall.evaluate("!!document.querySelector('[role=alert]').innerText")
    assert oncall.evaluate("document.querySelector('#override-reduction').value") == "60"
    oncall.complaints.clear()  # the browser's own word of the answer 400


def test_a_viewer_has_no_form_that_writes(site, manager):
    for path in PAGES:
        manager.open(f"{site}/risk-desk/{path}")
        assert manager.evaluate("document.querySelectorAll('form[method=post]').length") == 0


def test_a_mail_looks_as_its_reader_sees_it_and_runs_nothing(site, manager):
    manager.open(f"{site}/risk-desk/mails")
    seen = manager.click("td a")
    assert "REDUCE LIMIT BY 50%" in seen["words"]
    assert any("/risk-desk/mail-alone?" in address for address in manager.asked)
    assert {a for a in manager.asked if not a.startswith((f"{site}/", "data:"))} == set()
    assert manager.complaints == []

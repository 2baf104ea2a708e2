"""Who gets an answer from the page of the desk: Airflow's own logins, against Airflow's own checks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial

import pytest
from airflow.utils.db import initdb

from riskops.desk import open_desk
from riskops.desk_page.addresses import mail_alone
from riskops.records import AskedOverride
from tests.airflow_home import DAGS
from tests.builders import SESSION
from tests.desk_pages import CUT, FREE, Page
from tests.desks import copied, environment, keep_on_sqlite, on_the_morning, opened

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.xdist_group("airflow")]

FROM_HERE = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
ROLES = {"oncall": "admin", "trader_desk": "user", "manager": "viewer"}
WRITERS = ("oncall", "trader_desk")


@pytest.fixture(scope="module", autouse=True)
def airflow():
    """Return Airflow's own application: it brings the manager of logins that the pages ask."""
    from airflow.api_fastapi.app import create_app

    initdb()
    return create_app(apps="core")


@pytest.fixture
def desk(template, tmp_path):
    with opened(copied(template, tmp_path), on_the_morning(SESSION), RISKOPS_SOURCE="csv") as found:
        yield found


def browser(airflow, opened_desk, login=None):
    """Return what sends requests as a browser does in which somebody is logged in."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from risk_desk.endpoints import application

    outer = FastAPI()
    outer.mount("/risk-desk", application(opened_desk))
    cookies = {}
    if login:
        user = SimpleAuthManagerUser(username=login, role=ROLES[login])
        cookies = {"_token": get_auth_manager().generate_jwt(user)}
    return TestClient(outer, base_url="http://testserver/risk-desk", cookies=cookies, follow_redirects=False)


@pytest.fixture
def as_user(airflow, desk):
    return partial(browser, airflow, lambda: desk)


def routes():
    """Return every method and path that the application answers: a new one cannot be forgotten."""
    from risk_desk.endpoints import application

    found = [(method, route.path) for route in application().routes for method in sorted(route.methods)]
    assert len(found) > 15
    return [(method, path.replace("{path:path}", "elsewhere")) for method, path in found]


def forms(desk):
    """Return a form that would be accepted, for every address that takes one."""
    number = desk.store.overrides.record(asked(CUT), desk.clock()).number
    session = str(SESSION)
    return {
        "/acknowledge": {"session": session, "revision": "0", "note": "read"},
        "/override": asked_form(),
        "/take-back": {"trader": CUT, "session": session, "number": str(number), "why": "mistaken"},
        "/revise": {"session": session, "why": "half a day"},
    }


def asked(trader_id):
    return AskedOverride(trader_id, SESSION, SESSION, 60, "oncall", "half a day")


def asked_form(**changes):
    session = str(SESSION)
    form = {"trader": FREE, "session": session, "reduction": "60", "first": session, "last": session}
    return form | {"why": "half a day"} | changes


def token(client, page="/"):
    fields = [a for a in Page(client.get(page).text).all("input") if a.get("name") == "token"]
    return fields[0]["value"]


def written(desk):
    """Return what people said, as it is on record."""
    return (
        desk.store.acknowledgements.of(SESSION, 0),
        tuple((one.asked, one.taken_back is None) for one in desk.store.overrides.all()),
    )


class TestAnonymous:
    def test_nobody_gets_an_answer_without_a_login(self, as_user):
        client = as_user()
        answers = {(m, p): client.request(m, p, headers=FROM_HERE).status_code for m, p in routes()}
        assert set(answers.values()) == {401}

    def test_a_forged_login_is_none(self, as_user):
        client = as_user()
        client.cookies["_token"] = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvbmNhbGwiLCJyb2xlIjoiYWRtaW4ifQ."
        assert {client.request(m, p).status_code for m, p in routes()} == {403}

    def test_it_is_told_in_words_that_it_has_to_log_in(self, as_user):
        page = Page(as_user().get("/").text)
        assert "You are not logged in" in page.words
        assert page.all("form") == []


class TestViewer:
    def test_reads_every_page(self, as_user, desk):
        client, key = as_user("manager"), desk.store.pages.newest_mails(1)[0].key
        paths = ["/", f"/trader?id={CUT}", "/evidence", "/mails", f"/mail?key={key}", f"/{mail_alone(key)}"]
        assert [client.get(path).status_code for path in [*paths, "/health", "/empty"]] == [200] * 8

    def test_cannot_write_whatever_form_it_sends(self, as_user, desk):
        client = as_user("manager")
        sent = forms(desk)
        before = written(desk)
        stolen = token(as_user("oncall"))
        assert set(sent) == {path for method, path in routes() if method == "POST"} - {"/elsewhere"}
        for path, form in sent.items():
            answer = client.post(path, data=form | {"token": stolen}, headers=FROM_HERE)
            assert answer.status_code == 403, path
        assert written(desk) == before


@pytest.mark.parametrize("login", WRITERS)
class TestWriter:
    def test_acknowledges_a_mail(self, as_user, desk, login):
        client = as_user(login)
        form = {"session": str(SESSION), "revision": "0", "note": "called"}
        answer = client.post("/acknowledge", data=form | {"token": token(client)}, headers=FROM_HERE)
        assert answer.status_code == 303
        assert [(a.by, a.note) for a in desk.store.acknowledgements.of(SESSION, 0)] == [(login, "called")]
        page = Page(client.get(f"/{answer.headers['location']}").text)
        assert "Recorded: you have read this mail." in page.words
        assert f"Acknowledged {login}" in page.words

    def test_records_an_override_in_its_own_name_whatever_the_form_says(self, as_user, desk, login):
        client = as_user(login)
        form = asked_form(by="somebody else", token=token(client))
        answer = client.post("/override", data=form, headers=FROM_HERE)
        assert answer.status_code == 303
        (found,) = desk.store.overrides.all()
        assert found.asked == AskedOverride(FREE, SESSION, SESSION, 60, login, "half a day")
        assert "half a day" in client.get(f"/{answer.headers['location']}").text

    def test_takes_one_back(self, as_user, desk, login):
        client, number = as_user(login), desk.store.overrides.record(asked(CUT), desk.clock()).number
        form = {"trader": CUT, "session": str(SESSION), "number": str(number), "why": "mistaken"}
        answer = client.post("/take-back", data=form | {"token": token(client)}, headers=FROM_HERE)
        assert answer.status_code == 303
        assert desk.store.overrides.all()[0].taken_back.by == login


class TestRefused:
    def test_a_refusal_stands_beside_the_form_with_what_was_typed(self, as_user, desk):
        client = as_user("oncall")
        form = asked_form(reduction="95", why="a long story", token=token(client))
        answer = client.post("/override", data=form, headers=FROM_HERE)
        page = Page(answer.text)
        assert answer.status_code == 400
        assert [a for a in page.all("p") if a.get("role") == "alert"]
        assert "95" in page.words
        assert {"95", "a long story"} <= {field.get("value") for field in page.all("input")}
        assert desk.store.overrides.all() == ()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"reduction": "-1"},
            {"reduction": "many"},
            {"reduction": "9" * 30},
            {"first": "tomorrow"},
            {"last": ""},
            {"why": "  "},
            {"why": "x" * 301},
            {"why": "\u202e"},
        ],
    )
    def test_no_field_is_taken_as_it_comes(self, as_user, desk, wrong):
        client = as_user("oncall")
        answer = client.post("/override", data=asked_form(token=token(client)) | wrong, headers=FROM_HERE)
        assert answer.status_code == 400
        assert desk.store.overrides.all() == ()

    def test_a_trader_nobody_knows_is_not_found(self, as_user):
        client = as_user("oncall")
        form = asked_form(trader="nobody", reduction="95", token=token(client))
        assert client.post("/override", data=form, headers=FROM_HERE).status_code == 404


class TestOtherSites:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
            {"Origin": "http://testserver", "Sec-Fetch-Site": "same-site"},
            {"Origin": "http://testserver", "Sec-Fetch-Site": "none"},
            {"Origin": "https://evil.example"},
            {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
            {"Origin": "http://testserver.evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {},
        ],
    )
    def test_a_form_that_another_site_sends_does_nothing_even_with_the_token(self, as_user, desk, headers):
        client = as_user("oncall")
        held, sent = token(client), forms(desk)
        before = written(desk)
        for path, form in sent.items():
            answer = client.post(path, data=form | {"token": held}, headers=headers)
            assert answer.status_code == 403
            assert "did not come from a page of this desk" in answer.text
        assert written(desk) == before

    def test_a_connection_without_encryption_tells_by_its_origin_alone(self, as_user, desk):
        client = as_user("oncall")
        form = asked_form(token=token(client))
        answer = client.post("/override", data=form, headers={"Origin": "http://testserver"})
        assert answer.status_code == 303

    @pytest.mark.parametrize("forged", ["", "x", "oncall", "Im9uY2FsbCI.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"])
    def test_a_form_without_our_token_does_nothing(self, as_user, desk, forged):
        client, sent = as_user("oncall"), forms(desk)
        before = written(desk)
        for path, form in sent.items():
            answer = client.post(path, data=form | {"token": forged}, headers=FROM_HERE)
            assert answer.status_code == 403
            assert "older than 12 hours, or was made for another login" in answer.text
        assert written(desk) == before

    def test_the_token_of_another_login_is_none(self, as_user, desk):
        form = asked_form(token=token(as_user("trader_desk")))
        assert as_user("oncall").post("/override", data=form, headers=FROM_HERE).status_code == 403

    def test_a_token_ends_after_its_hours(self, as_user, desk, monkeypatch):
        from risk_desk import access

        client = as_user("oncall")
        held = token(client)
        monkeypatch.setattr(access, "TOKEN_SECONDS", -1)
        answer = client.post("/override", data=asked_form(token=held), headers=FROM_HERE)
        assert answer.status_code == 403


class TestAnswers:
    def test_every_page_forbids_scripts_frames_of_others_and_caches(self, as_user):
        for path in ("/", "/evidence", "/elsewhere", "/?session=2026-03-02"):
            headers = as_user("manager").get(path).headers
            policy = dict(
                part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
            )
            assert policy["default-src"] == "'none'"
            assert "script-src" not in policy
            assert re.fullmatch("'sha256-[^']+'", policy["style-src"])
            assert policy["frame-ancestors"] == policy["form-action"] == "'self'"
            assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
            assert headers["referrer-policy"] == "same-origin"

    def test_a_mail_in_its_frame_may_do_nothing(self, as_user, desk):
        key = desk.store.pages.newest_mails(1)[0].key
        policy = as_user("manager").get(f"/{mail_alone(key)}").headers["content-security-policy"]
        assert policy.endswith("; sandbox")
        assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in policy

    @pytest.mark.parametrize(
        "path",
        [
            *("/?session=2026-03-02", "/?session=x", "/trader?id=nobody", "/mail?key=0", "/elsewhere"),
            *("/trader?id=3942&session=1", "/evidence?session=2030-01-01"),
        ],
    )
    def test_what_is_not_on_record_is_a_page_that_says_so(self, as_user, path):
        answer = as_user("manager").get(path)
        assert answer.status_code == 404
        assert len(Page(answer.text).all("h1")) == 1

    def test_an_address_that_lacks_something_is_a_page_that_says_so(self, as_user):
        answer = as_user("manager").get("/trader")
        assert answer.status_code == 422
        assert "lacks something" in Page(answer.text).words

    def test_words_in_the_address_are_not_shown(self, as_user):
        assert "call this number" not in as_user("manager").get("/?done=call this number").text


class TestNoDesk:
    def served(self, airflow, **changes):
        """Return the answer of a desk that its environment describes."""
        return browser(airflow, lambda: open_desk(changes), "manager").get("/")

    def test_settings_that_are_missing_are_named_and_no_secret_is(self, airflow):
        answer = self.served(airflow, RISKOPS_DATABASE_URL="postgresql+psycopg://u:hidden@127.0.0.1/x")
        assert answer.status_code == 503
        assert "RISKOPS_DEPLOYMENT is not set" in Page(answer.text).words
        assert "hidden" not in answer.text

    def test_a_risk_database_that_is_not_there_is_told_with_the_remedy(self, airflow, tmp_path):
        answer = self.served(airflow, **environment(keep_on_sqlite(tmp_path)))
        assert answer.status_code == 503
        assert "riskops migrate" in Page(answer.text).words

    def test_one_that_is_outdated_is_told_with_the_remedy(self, airflow, template, tmp_path):
        folder = copied(template, tmp_path)
        with opened(folder) as found, found.store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        answer = self.served(airflow, **environment(folder))
        assert answer.status_code == 503
        assert "run riskops migrate" in Page(answer.text).words.replace("`", "")

    def test_one_that_goes_away_is_told_and_comes_back(self, airflow, template, tmp_path):
        folder = copied(template, tmp_path)
        with opened(folder, on_the_morning(SESSION)) as found:
            client = browser(airflow, lambda: found, "manager")
            assert client.get("/").status_code == 200
            (folder / "risk.db").rename(folder / "gone.db")
            assert client.get("/").status_code == 503
            (folder / "gone.db").rename(folder / "risk.db")
            assert client.get("/").status_code == 200

    def test_a_desk_is_opened_once_and_a_failure_is_tried_again(self, template, tmp_path, monkeypatch):
        from risk_desk.endpoints import OpenedOnce
        from riskops.errors import ConfigurationError

        once = OpenedOnce()
        monkeypatch.delenv("RISKOPS_DEPLOYMENT", raising=False)
        with pytest.raises(ConfigurationError):
            once()
        for name, value in environment(copied(template, tmp_path)).items():
            monkeypatch.setenv(name, value)
        with once() as desk:
            assert once() is desk


class TestRevise:
    def test_it_triggers_the_dag_in_the_login_s_name(self, as_user, desk):
        from airflow.models.dagrun import DagRun

        known_to_airflow()
        client = as_user("oncall")
        desk.store.overrides.record(asked(FREE), desk.clock())
        form = {"session": str(SESSION), "why": "half a day", "token": token(client)}
        answer = client.post("/revise", data=form, headers=FROM_HERE)
        assert answer.status_code == 303
        asked_for = {"session": str(SESSION), "revise": "half a day", "by": "oncall"}
        (run,) = (run for run in DagRun.find(dag_id="daily_risk_limits") if run.conf == asked_for)
        assert run.triggering_user_name == "oncall"
        assert "The correction was asked for" in client.get(f"/{answer.headers['location']}").text


def known_to_airflow():
    """Let Airflow know the DAG of the morning, as its processor of DAG files does."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(str(DAGS / "daily_risk_limits.py")), "dags-folder", None)


def test_airflow_serves_the_pages_below_their_prefix_with_an_entry_in_its_navigation(airflow):
    from airflow import plugins_manager

    found = [plugin for plugin in plugins_manager._get_plugins()[0] if plugin.name == "risk_desk"]
    assert len(found) == 1
    assert [view["href"] for view in found[0].external_views] == ["/risk-desk/"]
    assert "/risk-desk" in {getattr(route, "path", "") for route in airflow.routes}


def test_a_process_that_shows_no_page_imports_nothing_of_it():
    """Airflow imports every plugin in each task: what the pages need would cost all of them seconds."""
    program = (
        "import json, sys; from airflow import plugins_manager; "
        "found = [plugin.name for plugin in plugins_manager._get_plugins()[0]]; "
        "print(json.dumps([found, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    plugins, modules = json.loads(done.stdout.splitlines()[-1])
    assert "risk_desk" in plugins
    heavy = {"endpoints", "access", "risk_desk.endpoints", "riskops.desk_page", "riskops.desk"}
    assert heavy.isdisjoint(modules)

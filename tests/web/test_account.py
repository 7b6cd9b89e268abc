"""The account page over HTTP: what its owner sees, and ends; and that it is nobody else's."""

import uuid
from datetime import timedelta

import pytest

from idp.db import audit, consent, person, trusted_device
from idp.db.account import AccountState
from idp.db.audit import AuditEvent
from idp.policy.activity import DISOWNED
from idp.web.routes import PAGES
from tests.site import ISSUER, PASSWORD, Site, Visitor, body, received
from tests.web.account_page import (
    EDGE,
    FIREFOX,
    JANE,
    JO,
    events,
    form,
    forms,
    last,
    logged_in,
    of,
    send,
    sessions,
    text,
)
from tests.web.forms import heading, login_page
from tests.web.test_browser import ELSEWHERE

ACTIONS = (
    "/account/session",
    "/account/sessions",
    "/account/trusted-device",
    "/account/consent",
    "/account/language",
    "/account/factor/name",
    "/account/factor/removal",
    "/account/activity",
)


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Jane, who has logged in with Firefox."""
    return logged_in(site)


def silent(visitor: Visitor) -> dict[str, str]:
    return received(visitor.authorize(prompt="none"))


def trust(site: Site, username: str = JANE) -> tuple[str, uuid.UUID]:
    """Trust a device; its token and its id."""
    devices, now = site.provider.entry.trusted_devices, site.clock.now()
    with site.provider.database.write() as connection:
        token = devices.trust(connection, of(site, username).id, user_agent=EDGE, now=now)
        (made,) = trusted_device.of_account(connection, of(site, username).id, now)
    return token, made.id


def allow_rota(site: Site, visitor: Visitor) -> str:
    """Let a third party see one's name; the refresh token it got."""
    site.add_client("rota", client_name="Rota Planner", first_party=False)
    page = visitor.follow(visitor.authorize("rota", scope="openid profile"))
    code = received(visitor.follow(visitor.submit(page, decision="allow")))["code"]
    return str(body(site.redeem(code, "rota"))["refresh_token"])


def test_every_form_of_the_account_is_tried_here() -> None:
    posted = {path for method, path, _ in PAGES if method == "POST"}
    assert {path for path in posted if path.startswith("/account/")} == set(ACTIONS)


class TestWhoSeesIt:
    def test_the_owner_is_told_who_they_are(self, visitor: Visitor) -> None:
        page = visitor.get("/account")
        assert (page.status_code, heading(page)) == (200, "Your account")
        said = text(page)
        assert "Name Jane Smith Username 918JSMITH01 Employer NHS Blood and Transplant" in said
        assert "Email 918jsmith01@example.nhs.uk Service desk 0117 496 0000" in said

    def test_it_leads_home_to_a_new_password_and_out(self, visitor: Visitor) -> None:
        page = visitor.get("/account").text
        for path in ("/", "/change-password", "/logout", "/account/activity"):
            assert f'href="{path}"' in page
        assert 'href="/account"' in visitor.get("/").text

    @pytest.mark.parametrize("path", ["/account", "/account/activity"])
    def test_a_stranger_logs_in_first_and_comes_to_the_account(self, site: Site, path: str) -> None:
        stranger = site.browser()
        asked = stranger.get(path)
        assert asked.location == f"{ISSUER}/login?next=account"
        assert heading(stranger.log_in(stranger.follow(asked))) == "Your account"

    @pytest.mark.parametrize("path", ["/account", "/account/activity"])
    def test_who_has_a_password_to_change_is_taken_there(self, site: Site, path: str) -> None:
        site.add_account(JO, state=AccountState.MUST_CHANGE_PASSWORD)
        due = logged_in(site, JO)
        answer = due.get(path)
        assert (answer.status_code, answer.location) == (303, f"{ISSUER}/change-password")

    @pytest.mark.parametrize("action", ACTIONS)
    def test_nobody_acts_without_a_live_session(self, site: Site, visitor: Visitor, action: str) -> None:
        page = visitor.get("/account")
        before = len(events(site))
        visitor.browser.delete_cookie("__Host-sid", domain="id.example.nhs.uk")
        answer = send(visitor, page, action)
        assert (answer.status_code, answer.location) == (303, f"{ISSUER}/login?next=account")
        assert len(events(site)) == before

    @pytest.mark.parametrize("action", ACTIONS)
    def test_a_form_of_another_site_or_page_does_nothing(self, visitor: Visitor, action: str) -> None:
        page = visitor.get("/account")
        (token,) = {each.hidden["csrf_token"] for each in forms(page)}
        for headers in ELSEWHERE.values():
            assert visitor.post(action, {"csrf_token": token}, headers=headers).status_code == 403
        of_logout = form(visitor.get("/change-password"), "/change-password").hidden["csrf_token"]
        for wrong in ("", "0" * 64, of_logout):
            assert visitor.post(action, {"csrf_token": wrong}).status_code == 403

    def test_the_form_of_one_person_does_not_speak_for_the_next(self, site: Site, visitor: Visitor) -> None:
        site.add_account(JO)
        page = visitor.get("/account")
        elsewhere = logged_in(site, JO)
        visitor.follow(visitor.log_in(login_page(visitor, prompt="login"), JO))
        assert send(visitor, page, "/account/sessions").status_code == 403
        assert "code" in silent(elsewhere)

    def test_reading_changes_nothing(self, site: Site, visitor: Visitor) -> None:
        trust(site)
        before = (events(site), sessions(site))
        for path in ("/account", "/account/activity"):
            assert visitor.get(path).status_code == 200
        for action in ACTIONS:
            if action != "/account/activity":
                assert visitor.get(action).status_code == 405
        assert (events(site), sessions(site)) == before

    def test_nothing_of_another_account_appears(self, site: Site, visitor: Visitor) -> None:
        site.add_account(JO)
        other = logged_in(site, JO, EDGE)
        trust(site, JO)
        allow_rota(site, other)
        other.submit(login_page(site.browser(), prompt="login"), username=JO, password="Wrong.Horse.Lamp19")
        for path in ("/account", "/account/activity"):
            page = visitor.get(path).text
            for theirs in (JO, JO.lower(), "Edge", "Rota Planner", str(sessions(site, JO)[0].sid)):
                assert theirs not in page
            for event in events(site, JO):
                assert f'name="event" value="{event.seq}"' not in page


class TestSessions:
    def test_each_is_told_by_browser_and_time_and_this_one_is_marked(
        self, site: Site, visitor: Visitor
    ) -> None:
        site.clock.advance(timedelta(minutes=5))
        logged_in(site, agent=EDGE)
        said = text(visitor.get("/account"))
        assert "Firefox on Linux This device Logged in 23 November 2026, 07:00" in said
        assert "Microsoft Edge on Windows Logged in 23 November 2026, 07:05" in said

    def test_one_alone_has_nothing_to_end(self, visitor: Visitor) -> None:
        page = visitor.get("/account")
        assert not [each for each in forms(page) if each.action.startswith("/account/session")]

    def test_ending_one_signs_that_browser_out_and_no_other(self, site: Site, visitor: Visitor) -> None:
        lost, kept = logged_in(site, agent=EDGE), logged_in(site)
        theirs = site.tokens(visitor=lost)
        ours = site.tokens(visitor=kept)
        page = visitor.get("/account")
        (ending,) = [each for each in forms(page) if "Edge" in each.words]
        assert ending.words.startswith("Sign this device out: Microsoft Edge on Windows, ")
        here = {"REMOTE_ADDR": "192.0.2.8"}
        done = visitor.post(ending.action, ending.hidden, environ_overrides=here)
        assert (done.status_code, done.location) == (303, f"{ISSUER}/account")
        assert "That device is signed out." in visitor.follow(done).text
        assert silent(lost)["error"] == "login_required"
        assert site.refresh(theirs["refresh_token"]).status_code == 400
        assert "code" in silent(kept)
        assert "code" in silent(visitor)
        assert site.refresh(ours["refresh_token"]).status_code == 200
        found = last(site, "session.ended")
        assert found is not None
        assert found.detail == {"sid": ending.hidden["session"]}
        assert found.address == "192.0.2.8"

    def test_what_would_outlive_a_session_ends_with_one_that_is_ended_from_elsewhere(
        self, site: Site, visitor: Visitor
    ) -> None:
        site.add_client("telephone", scope="openid offline_access")
        lost = logged_in(site, agent=EDGE)
        tokens = site.tokens("telephone", lost, scope="openid offline_access", prompt="consent")
        page = visitor.get("/account")
        (ending,) = [each for each in forms(page) if "Edge" in each.words]
        visitor.post(ending.action, ending.hidden)
        assert site.refresh(tokens["refresh_token"], "telephone").status_code == 400

    def test_all_others_end_at_once(self, site: Site, visitor: Visitor) -> None:
        others = [logged_in(site, agent=EDGE), logged_in(site)]
        tokens = [site.tokens(visitor=each)["refresh_token"] for each in others]
        own = site.tokens(visitor=visitor)["refresh_token"]
        done = send(visitor, visitor.get("/account"), "/account/sessions")
        assert "You are signed out everywhere but here." in visitor.follow(done).text
        assert [silent(each)["error"] for each in others] == ["login_required", "login_required"]
        assert [site.refresh(token).status_code for token in tokens] == [400, 400]
        assert "code" in silent(visitor)
        assert site.refresh(own).status_code == 200
        found = last(site, "session.ended")
        assert found is not None
        assert found.detail == {"sessions": 2}

    @pytest.mark.parametrize("named", ["another's", "unknown", "no id", "nothing"])
    def test_no_other_session_can_be_named(self, site: Site, visitor: Visitor, named: str) -> None:
        site.add_account(JO)
        other = logged_in(site, JO)
        ids = {
            "another's": str(sessions(site, JO)[0].sid),
            "unknown": str(uuid.uuid4()),
            "no id": "1 or 1=1",
            "nothing": "",
        }
        refused = send(visitor, visitor.get("/account"), "/account/session", session=ids[named])
        assert refused.status_code == 404
        assert "code" in silent(other)
        assert last(site, "session.ended") is None

    def test_who_is_signed_out_elsewhere_at_that_moment_ends_nothing(
        self, site: Site, visitor: Visitor
    ) -> None:
        other = logged_in(site, agent=EDGE)
        page = visitor.get("/account")
        send(other, other.get("/account"), "/account/sessions")
        answer = send(visitor, page, "/account/sessions")
        assert answer.location == f"{ISSUER}/login?next=account"
        assert "code" in silent(other)


class TestTrustedDevices:
    def test_without_one_it_says_so(self, visitor: Visitor) -> None:
        assert "You trust no device." in visitor.get("/account").text

    def test_one_is_told_and_the_browser_that_looks_is_marked(self, site: Site, visitor: Visitor) -> None:
        token, _ = trust(site)
        said = text(visitor.get("/account"))
        assert "Microsoft Edge on Windows Trusted since 23 November 2026, 07:00" in said
        assert "trusted until 23 December 2026, 07:00" in said
        visitor.browser.set_cookie("__Host-trust", token, domain="id.example.nhs.uk")
        said = text(visitor.get("/account"))
        assert "Microsoft Edge on Windows This device Trusted since" in said

    def test_one_can_be_ended(self, site: Site, visitor: Visitor) -> None:
        _, device = trust(site)
        page = visitor.get("/account")
        found = form(page, "/account/trusted-device", device=str(device))
        done = visitor.post(found.action, found.hidden)
        assert "That device is no longer trusted." in visitor.follow(done).text
        with site.provider.database.read() as connection:
            assert trusted_device.of_account(connection, of(site).id, site.clock.now()) == []
        assert last(site, "trusted_device.revoked") is not None
        assert visitor.post(found.action, found.hidden).status_code == 404

    def test_another_s_cannot(self, site: Site, visitor: Visitor) -> None:
        site.add_account(JO)
        _, device = trust(site, JO)
        page = visitor.get("/account")
        for named in (str(device), str(uuid.uuid4()), "x", ""):
            assert send(visitor, page, "/account/trusted-device", device=named).status_code == 404
        with site.provider.database.read() as connection:
            assert len(trusted_device.of_account(connection, of(site, JO).id, site.clock.now())) == 1


class TestConsents:
    def test_without_one_it_says_so(self, visitor: Visitor) -> None:
        assert "You have allowed no application of others to see" in visitor.get("/account").text

    def test_one_is_told_in_words(self, site: Site, visitor: Visitor) -> None:
        allow_rota(site, visitor)
        said = text(visitor.get("/account"))
        assert "Rota Planner Since 23 November 2026, 07:00 it may see:" in said
        assert "your name and the language you read" in said
        assert "your work email address" not in said

    def test_withdrawing_ends_what_the_client_has_and_it_must_ask_again(
        self, site: Site, visitor: Visitor
    ) -> None:
        token = allow_rota(site, visitor)
        own = site.tokens(visitor=visitor)["refresh_token"]
        waiting = received(visitor.authorize("rota", scope="openid profile"))["code"]
        page = visitor.get("/account")
        withdrawing = form(page, "/account/consent", client="rota")
        assert withdrawing.words == "Stop this: Rota Planner"
        done = visitor.post(withdrawing.action, withdrawing.hidden)
        assert "That application can no longer see your information." in visitor.follow(done).text
        assert site.refresh(token, "rota").status_code == 400
        assert site.redeem(waiting, "rota").status_code == 400
        assert site.refresh(own).status_code == 200
        again = visitor.follow(visitor.authorize("rota", scope="openid profile"))
        assert heading(again) == "Share your information with Rota Planner?"
        found = last(site, "consent.withdrawn")
        assert found is not None
        assert (found.client_id, found.detail) == ("rota", {"scope": ["openid", "profile"], "grants": 1})

    def test_another_s_stays(self, site: Site, visitor: Visitor) -> None:
        site.add_account(JO)
        other = logged_in(site, JO)
        token = allow_rota(site, other)
        page = visitor.get("/account")
        for named in ("rota", "payslips", "nobody", "", "x" * 3000):
            assert send(visitor, page, "/account/consent", client=named).status_code == 404
        with site.provider.database.read() as connection:
            assert consent.find(connection, of(site, JO).id, "rota") == {"openid", "profile"}
        assert site.refresh(token, "rota").status_code == 200


class TestLanguage:
    def stored(self, site: Site) -> str:
        with site.provider.database.read() as connection:
            found = person.find(connection, of(site).person_id)
        assert found is not None
        return found.language

    def test_the_one_of_the_emails_is_chosen(self, site: Site, visitor: Visitor) -> None:
        page = visitor.get("/account")
        assert 'value="en" checked' in page.text
        done = send(visitor, page, "/account/language", language="cy")
        shown = visitor.follow(done)
        assert 'value="cy" checked' in shown.text
        assert '<html lang="cy">' in shown.text
        assert '<html lang="cy">' in visitor.get("/account").text
        assert self.stored(site) == "cy"
        found = last(site, "person.language_changed")
        assert found is not None
        assert found.detail == {"language": "cy"}

    def test_choosing_the_same_is_no_change(self, site: Site, visitor: Visitor) -> None:
        done = send(visitor, visitor.get("/account"), "/account/language", language="en")
        assert done.status_code == 303
        assert last(site, "person.language_changed") is None

    @pytest.mark.parametrize("language", ["", "fr", "cy ", "CY", "../cy"])
    def test_there_is_no_other(self, site: Site, visitor: Visitor, language: str) -> None:
        page = visitor.get("/account")
        assert send(visitor, page, "/account/language", language=language).status_code == 404
        assert self.stored(site) == "en"

    def test_looking_at_a_page_in_welsh_is_no_choice(self, site: Site, visitor: Visitor) -> None:
        assert '<html lang="cy">' in visitor.get("/account?lang=cy").text
        assert self.stored(site) == "en"


class TestActivity:
    def refuse(self, site: Site, agent: str = EDGE) -> None:
        stranger = site.browser()
        page = stranger.get("/login")
        hidden = forms(page)[0].hidden
        typed = {"username": JANE, "password": "Wrong.Horse.Lamp19"}
        refused = stranger.post("/login", {**hidden, **typed}, headers={"User-Agent": agent})
        assert refused.status_code == 422

    def test_it_tells_in_plain_words_when_what_and_where(self, site: Site, visitor: Visitor) -> None:
        self.refuse(site)
        site.clock.advance(timedelta(minutes=1))
        logged_in(site, agent=EDGE)
        said = text(visitor.get("/account/activity"))
        logged, refused, first = (
            said.index(
                "You logged in with your password 23 November 2026, 07:01 · Microsoft Edge on Windows"
            ),
            said.index("Someone tried to log in with your username and was refused 23 November 2026, 07:00"),
            said.index(
                "You logged in with your password 23 November 2026, 07:00 · Firefox on Linux · this device"
            ),
        )
        assert logged < refused < first
        assert "from the network address 192.0.2.7" in said
        assert "wrong_password" not in said

    def test_the_account_page_has_the_newest_five(self, site: Site, visitor: Visitor) -> None:
        for _ in range(6):
            self.refuse(site)
        refused = "Someone tried to log in with your username and was refused"
        assert visitor.get("/account").text.count(f"<strong>{refused}</strong>") == 5
        assert visitor.get("/account/activity").text.count(f"<strong>{refused}</strong>") == 6

    def test_it_ends_after_fifty_and_after_thirty_days(self, site: Site, visitor: Visitor) -> None:
        account_id, now = of(site).id, site.clock.now()
        with site.provider.database.write() as connection:
            for days in (31, *range(29, 0, -1)):
                for _ in range(2):
                    made = AuditEvent(
                        at=now - timedelta(days=days), event="account.unlocked", account_id=account_id
                    )
                    audit.record(connection, made)
        page = visitor.get("/account/activity").text
        assert page.count('<p class="idp-item"><strong>') == 50
        assert "23 October 2026" not in page

    def test_one_s_own_doing_here_is_not_doubted(self, visitor: Visitor) -> None:
        page = visitor.get("/account/activity")
        assert not [each for each in forms(page) if "event" in each.hidden]

    def test_this_was_not_me_ends_everything_else_and_leads_to_a_new_password(
        self, site: Site, visitor: Visitor
    ) -> None:
        trust(site)
        intruder = logged_in(site, agent=EDGE)
        theirs = site.tokens(visitor=intruder)["refresh_token"]
        page = visitor.get("/account/activity")
        (doubt,) = [each for each in forms(page) if "event" in each.hidden]
        assert doubt.words.startswith("This was not me: You logged in with your password, ")
        done = visitor.post(doubt.action, doubt.hidden)
        assert (done.status_code, done.location) == (303, f"{ISSUER}/change-password")
        onto = visitor.follow(done)
        assert heading(onto) == "Change your password"
        assert "Now choose a new password: someone else may know the old one." in onto.text
        assert silent(intruder)["error"] == "login_required"
        assert site.refresh(theirs).status_code == 400
        with site.provider.database.read() as connection:
            assert trusted_device.of_account(connection, of(site).id, site.clock.now()) == []
        marked = last(site, DISOWNED)
        assert marked is not None
        assert marked.detail == {
            "seq": int(doubt.hidden["event"]),
            "event": "sign_in.password",
            "sessions": 1,
            "trusted_devices": 1,
        }

    def test_what_was_disowned_is_marked_and_not_asked_about_again(
        self, site: Site, visitor: Visitor
    ) -> None:
        self.refuse(site)
        page = visitor.get("/account/activity")
        (doubt,) = [each for each in forms(page) if "event" in each.hidden]
        visitor.post(doubt.action, doubt.hidden)
        after = visitor.get("/account/activity")
        assert "You said this was not you" in after.text
        assert not [each for each in forms(after) if "event" in each.hidden]

    @pytest.mark.parametrize("named", ["another's", "unknown", "old", "hidden", "no number", "nothing"])
    def test_no_other_event_can_be_named(self, site: Site, visitor: Visitor, named: str) -> None:
        site.add_account(JO)
        other = logged_in(site, JO)
        mine = logged_in(site)
        elsewhere = events(site, JO)[0].seq
        with site.provider.database.write() as connection:
            at = site.clock.now() - timedelta(days=31)
            for when, event in ((at, "account.unlocked"), (site.clock.now(), "account.invited")):
                audit.record(connection, AuditEvent(at=when, event=event, account_id=of(site).id))
        newest = max(event.seq for event in events(site)) + 10
        numbers = {
            "another's": str(elsewhere),
            "unknown": str(newest + 1000),
            "old": str(min(event.seq for event in events(site) if event.event == "account.unlocked")),
            "hidden": str(max(each.seq for each in events(site)) + 1),
            "no number": "1 or 1=1",
            "nothing": "",
        }
        token = form(visitor.get("/account"), "/account/language").hidden["csrf_token"]
        refused = visitor.post("/account/activity", {"csrf_token": token, "event": numbers[named]})
        assert refused.status_code == 404
        assert "code" in silent(other)
        assert "code" in silent(mine)
        assert last(site, DISOWNED) is None

    def test_the_new_password_ends_what_rested_on_the_old_one(self, site: Site, visitor: Visitor) -> None:
        self.refuse(site)
        (doubt,) = [each for each in forms(visitor.get("/account/activity")) if "event" in each.hidden]
        page = visitor.follow(visitor.post(doubt.action, doubt.hidden))
        new = "Cre@tew&rd01"
        fields = {"current_password": PASSWORD, "password": new, "confirm_password": new}
        assert visitor.submit(page, **fields).status_code == 303
        assert "Your password was changed" in visitor.get("/account").text


def test_the_browser_that_looks_is_told_by_its_own_words(site: Site) -> None:
    for agent, words in ((FIREFOX, "Firefox on Linux"), ("curl/8.5", "A browser we do not know")):
        assert f"<strong>{words}</strong>" in logged_in(site, agent=agent).get("/account").text

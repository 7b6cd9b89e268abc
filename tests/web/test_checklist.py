"""The live checklist, in Chromium: it judges as the server does, and says so to everybody."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from idp.policy.password import PROFILES, Profile, browser_rules, failures, tuned, words_of
from idp.web import static_files
from tests.journeys import browser as browsers

pytestmark = pytest.mark.browser

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "password_policy_esr.json").read_text(encoding="utf-8")
)
WORDS = words_of(
    names=["\u0130pek", "O'Neill-Pr\u0175s", "Strau\u00df", "\u092e\u0940\u0930\u093e"],
    username="918IONEILLPRWS01",
    job_title="Staff Nurse",
    localities=["Bristol", "Ely"],
    more=["Bristolian", "alibi"],
)
ORIGIN = "http://checklist.example"
FILES = static_files.load()
# Pieces that some rule looks at, in every script and form that may go wrong in one of two languages.
PIECES = (
    *"aAbBcCdDzZ0123789 -'.@\u00df\u1e9e\u0130\u0131iI\u03c3\u03c2\u03a3\u01c5\u212a\u017f",
    *(
        "nhs",
        "Nhs",
        "NHS",
        "esr",
        "Esr",
        "nurse",
        "NURSE",
        "Bristol",
        "ian",
        "alib\u0130",
        "ely",
        "Ely",
        "password",
        "oneill",
    ),
    *("\u0130pek", "ipek", "i\u0307pek", "stra\u00df", "strauss", "prws", "pr\u0175s", "prw\u0302s"),
    *(
        "\u092e\u0940\u0930\u093e",
        "918ioneillprws01",
        "\ufb03",
        "\uff21\uff22\uff23\uff24",
        "\uff11",
        "\u2460",
    ),
    *("\u0661", "\u0662", "\u0663", "\u06f4", "\u096b", "\u0e51", "\U0001d7d9", "\U0001d7da", "\U0001fbf3"),
    *("\U0001f98a", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "\u00e9", "\u0323", "\u0307"),
    *(
        "\u00aa",
        "\u2167",
        "\u24d0",
        "\u24b6",
        "\u4e2d",
        "\ud55c",
        "\u1112\u1161\u11ab",
        "\x00",
        "\u2028",
        "x" * 60,
    ),
)
PROFILES_TRIED = (*PROFILES.values(), tuned(PROFILES["esr"], shortest=20, sequence=3))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.chromium() as running:
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of the checklist, served as we serve it."""
    with browsers.watched(chromium, "checklist") as person:
        tab = person.context.new_page()
        tab.route(f"{ORIGIN}/**", _serve)
        yield tab


def _serve(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN)
    name = path.removeprefix(static_files.PATH).partition("?")[0]
    if path == "/":
        route.fulfill(content_type="text/html; charset=utf-8", body=PAGE, headers=POLICY)
    elif path == "/bare":
        route.fulfill(content_type="text/html", body=BARE)
    elif name in FILES and path == static_files.url(FILES, name):
        route.fulfill(content_type=FILES[name].content_type, body=FILES[name].content)
    else:
        route.fulfill(status=404)


RULES = json.dumps(browser_rules(PROFILES["esr"], ("nurse", "nhs"))).replace('"', "&quot;")
# As our pages have it: scripts of this nonce, and what those import.
POLICY = {"Content-Security-Policy": "default-src 'none'; script-src 'nonce-n'; img-src data:"}
PAGE = f"""<!doctype html><html lang="en"><title>Checklist</title><link rel="icon" href="data:,">
<h1>Update Password</h1>
<ul data-password-rules="{RULES}" data-input="password" data-met="Met" data-unmet="Not met yet"
    data-later="Checked when you submit">
  <li data-rule="length">12 or more <b data-state></b> <i data-fragment></i></li>
  <li data-rule="history">Not the last 4 <b data-state></b> <i data-fragment></i></li>
  <li>Neither <ul>
    <li data-rule="repeat">No repeats <b data-state></b> <i data-fragment></i></li>
    <li data-rule="sequence">No sequences <b data-state></b> <i data-fragment></i></li>
  </ul></li>
  <li data-rule="word">No words <b data-state></b> <i data-fragment></i></li>
  <li data-rule="common">Not common <b data-state></b> <i data-fragment></i></li>
</ul>
<p role="status" aria-live="polite" data-password-status></p>
<label>Password <input type="password" id="password"></label>
<label>Confirm <input type="password" id="confirm_password"></label>
<button type="button" data-suggestion="tin-horse-lamp" data-used="Filled in" hidden>Use this password</button>
<script type="module" nonce="n" src="{static_files.url(FILES, "checklist.js")}"></script>"""


def judged(page: Page, profile: Profile, passwords: list[str]) -> list[list[tuple[str, str | None]]]:
    """What the browser finds wrong with each password."""
    page.goto(f"{ORIGIN}/bare")
    found = page.evaluate(
        """async ([address, rules, passwords]) => {
          const { failures } = await import(address);
          const told = (password) => failures(password, rules).map(({ rule, fragment }) => [rule, fragment]);
          return passwords.map(told);
        }""",
        [static_files.url(FILES, "password_policy.js"), browser_rules(profile, WORDS), passwords],
    )
    return [[(rule, fragment) for rule, fragment in each] for each in found]


def expected(profile: Profile, password: str) -> list[tuple[str, str | None]]:
    return [(failure.rule.value, failure.fragment) for failure in failures(password, profile, WORDS)]


def test_every_vector_is_judged_as_it_says(page: Page) -> None:
    accepted = judged(page, PROFILES["esr"], VECTORS["accept"])
    assert accepted == [[]] * len(VECTORS["accept"])

    rejected = judged(page, PROFILES["esr"], [vector["password"] for vector in VECTORS["reject"]])
    for vector, ((rule, fragment),) in zip(VECTORS["reject"], rejected, strict=True):
        assert rule == vector["rule"]
        assert vector["fragment"] in {None, fragment}


@pytest.mark.parametrize("profile", PROFILES_TRIED, ids=lambda profile: f"{profile.name} {profile.shortest}")
def test_nasty_passwords_are_judged_as_the_server_does(page: Page, profile: Profile) -> None:
    chance = random.Random(20_210_803)  # noqa: S311 - the same passwords in every run
    passwords = ["".join(chance.choices(PIECES, k=chance.randint(0, 12))) for _ in range(2_000)]
    passwords += [
        "a1" * 128,
        "a1" * 128 + "a",
        "\U0001f98a-" * 128,
        "a1" * 512,
        "a1" * 512 + "a",
        "e\u0301-" * 128,
    ]

    found = judged(page, profile, passwords)

    for password, told in zip(passwords, found, strict=True):
        assert told == expected(profile, password), ascii(password)
    assert sum(len(told) > 1 for told in found) > 300 or not profile.repeat


def test_digits_of_every_script_are_judged_as_the_server_does(page: Page) -> None:
    digits = [chr(code) for code in range(0x10FFF0) if chr(code).isdecimal()]
    passwords = ["".join(digits[at : at + 4]) for at in range(len(digits) - 3)]
    assert len(passwords) > 600
    for password, told in zip(passwords, judged(page, PROFILES["esr"], passwords), strict=True):
        assert told == expected(PROFILES["esr"], password), ascii(password)


def states(page: Page) -> dict[str, tuple[str, str, str]]:
    """By rule: class, state in words, fragment."""
    return {
        item.get_attribute("data-rule") or "": (
            item.get_attribute("class") or "",
            item.locator("[data-state]").inner_text(),
            item.locator("[data-fragment]").inner_text(),
        )
        for item in page.locator("[data-rule]").all()
    }


def test_rules_are_ticked_off_while_typing(page: Page) -> None:
    page.goto(f"{ORIGIN}/")
    nothing = ("", "", "")
    assert set(states(page).values()) == {nothing}

    page.get_by_label("Password").first.press_sequentially("Coppper-NHS")
    assert states(page) == {
        "length": ("idp-rule--unmet", "Not met yet", ""),
        "history": ("idp-rule--later", "Checked when you submit", ""),
        "repeat": ("idp-rule--unmet", "Not met yet", "\u2018ppp\u2019"),
        "sequence": ("idp-rule--met", "Met", ""),
        "word": ("idp-rule--unmet", "Not met yet", "\u2018NHS\u2019"),
        "common": ("idp-rule--later", "Checked when you submit", ""),
    }

    page.get_by_label("Password").first.fill("")
    assert set(states(page).values()) == {nothing}


def test_what_changed_is_said_when_the_person_pauses(page: Page) -> None:
    page.goto(f"{ORIGIN}/")
    status = page.get_by_role("status")
    page.get_by_label("Password").first.fill("tin-horse-22")
    expect(status).to_have_text("")
    expect(status).to_have_text(
        "12 or more: Met. No repeats: Not met yet \u201822\u2019. No sequences: Met. No words: Met"
    )
    page.get_by_label("Password").first.fill("tin-horse-24")
    expect(status).to_have_text("No repeats: Met")


def test_a_suggestion_is_filled_into_both_fields_and_said(page: Page) -> None:
    page.goto(f"{ORIGIN}/")
    page.get_by_role("button", name="Use this password").click()
    expect(page.get_by_role("status")).to_have_text("Filled in")
    for name in ("password", "confirm_password"):
        field = page.locator(f"#{name}")
        assert (field.input_value(), field.get_attribute("type")) == ("tin-horse-lamp", "password")
    assert {state for _, state, _ in states(page).values()} == {"Met", "Checked when you submit"}


def test_a_page_without_the_list_is_left_alone(page: Page) -> None:
    page.goto(f"{ORIGIN}/bare")
    expect(page.locator("body")).to_have_text("Nothing to do.")


BARE = f"""<!doctype html><html lang="en"><title>Bare</title><link rel="icon" href="data:,">
<p>Nothing to do.</p>
<script type="module" src="{static_files.url(FILES, "checklist.js")}"></script>"""

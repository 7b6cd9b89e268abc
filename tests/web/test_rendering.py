"""Pages are complete, escaped and in one language."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from idp.policy.password import PROFILES, browser_rules
from idp.policy.user_agent import Device
from idp.web import qr
from idp.web.account_view import Problem
from idp.web.account_words import CardLine, ConsentLine, DeviceLine, EventLine, FactorLine, SessionLine
from idp.web.language import Language
from idp.web.new_password import Choice, lines
from idp.web.passkey import Ceremony
from idp.web.rendering import COMPONENTS, Brand, Rendering, _components

TEMPLATES = Path(__file__).parents[2] / "templates"
EVIL = "<script>alert(1)</script>"
PATHS = {Language.ENGLISH: "/login?lang=en", Language.WELSH: "/login?lang=cy"}
RENDERINGS = {brand: Rendering(brand) for brand in Brand}


@dataclass(frozen=True, slots=True)
class Message:
    name: str
    to: str
    subject: str
    sent: str
    body: tuple[tuple[str, bool], ...]


PASSKEY = Ceremony("/passkey/options?request=h4ndle", "/passkey/verify?request=h4ndle", "t0ken", "l1nk")
BODY = (("Hello", False), ("https://id.example/forgotten", True))
MESSAGE = Message("1.eml", "jo@nhsbt.example", "Your login details", "22 November 2026", BODY)
EVIL_MESSAGE = Message(EVIL, EVIL, EVIL, EVIL, ((EVIL, False), (EVIL, True)))
OWN_FORM: Mapping[str, object] = {
    "action": "/mfa?request=h4ndle",
    "csrf_token": "t0ken",
    "name": "Jo Smith",
    "username": "918JSMITH01",
}
LOGIN: Mapping[str, object] = {
    "action": "/login",
    "csrf_token": "t0ken",
    "username": "",
    "failed": False,
    "blank": (),
    "client_name": "My ESR Self-Service",
    "recovery_query": "?request=h4ndle",
    "smartcard": "/smartcard",
    "care_identity": "/care-identity",
    "passkey": PASSKEY,
}
IDENTITY: Mapping[str, object] = {
    "action": "/forgotten?request=h4ndle",
    "csrf_token": "t0ken",
    "query": "?request=h4ndle",
    "email": "first.last",
    "day": "31",
    "month": "Feb",
    "year": "1984",
    "username": "JSMITH",
    "email_problem": "Enter an email address like first.last@domain.com",
    "dob_problem": "Your date of birth must be a day in the calendar",
    "dob_parts": ("day", "month", "year"),
    "username_problem": "Enter a username like 999JSMITH01, or leave it empty",
}
NO_PROBLEM: Mapping[str, object] = {
    "email_problem": None,
    "dob_problem": None,
    "dob_parts": (),
    "username_problem": None,
}
CHOICE = Choice(
    lines(PROFILES["esr"]), browser_rules(PROFILES["esr"], ("nurse", "o'neill")), ("tin-horse-lamp",)
)
MOMENT = "22 November 2026, 15:04"
EVENTS = (
    EventLine(9, MOMENT, "You signed out", None, "192.0.2.7", None, is_here=False, is_disowned=False),
    EventLine(
        8,
        MOMENT,
        "A passkey was added",
        "Telephone",
        "192.0.2.7",
        Device("Firefox", None),
        is_here=True,
        is_disowned=False,
    ),
    EventLine(7, MOMENT, "You signed out", None, None, Device(None, None), is_here=False, is_disowned=True),
)
ACCOUNT: Mapping[str, object] = {
    "csrf_token": "t0ken",
    "name": "Jo Smith",
    "username": "918JSMITH01",
    "employer_name": "NHS Blood and Transplant",
    "email": "jo.smith@nhsbt.example",
    "desk": "0117 496 0000",
    "mail_language": "cy",
    "sessions": (
        SessionLine("s1", Device("Firefox", "Linux"), MOMENT, MOMENT, is_this=True),
        SessionLine("s2", Device("Microsoft Edge", "Windows"), MOMENT, MOMENT, is_this=False),
    ),
    "devices": (DeviceLine("d1", Device("Safari", "iPhone"), MOMENT, MOMENT, MOMENT, is_this=False),),
    "factors": (
        FactorLine("totp", "f1", "Telephone", MOMENT, MOMENT),
        FactorLine("passkey", "f2", "My key", MOMENT, None),
    ),
    "cards": (CardLine("7890", MOMENT, None),),
    "codes_left": 9,
    "prove": None,
    "problem": Problem("Enter a name of up to 60 characters", "name-f1"),
    "consents": (ConsentLine("rota", "Rota Planner", ("openid", "profile", "staff.read"), MOMENT),),
    "events": EVENTS,
}
PAGES: Mapping[str, Mapping[str, object]] = {
    "login.html": LOGIN,
    "forgotten.html": IDENTITY,
    "request.html": IDENTITY,
    "unlock.html": IDENTITY,
    "confirmation.html": {
        "submitted": "Your unlock request has been submitted.",
        "action": "/unlock/confirmation",
        "csrf_token": "t0ken",
        "again": "/unlock",
        "log_in": "/login",
    },
    "care_identity.html": {
        "title": "NHS Care Identity is not available",
        "sentence": "We cannot reach NHS Care Identity at the moment, so you cannot log in with it.",
        "remedy": "Log in another way, or try again later.",
        "again": "/care-identity?request=h4ndle",
        "log_in": "/login?request=h4ndle",
    },
    "smartcard.html": {
        "title": "Your Smartcard has expired",
        "sentence": "The certificate on your Smartcard is no longer valid.",
        "remedy": "Ask your Registration Authority to renew the certificates on your Smartcard.",
        "has_card": True,
        "facts": (("Issued by", "Card CA", False), ("In force", "Not known", True)),
        "again": "/smartcard?request=h4ndle",
        "log_in": "/login?request=h4ndle",
        "check": "/smartcard/check",
    },
    "unlock_account.html": {
        "action": "/unlock-account",
        "csrf_token": "t0ken",
        "link": "l1nk",
        "request": "h4ndle",
    },
    "select_account.html": {
        "action": "/select-account",
        "csrf_token": "t0ken",
        "username": "918JSMITH01",
        "name": "Jo Smith",
        "employer_name": "NHS Blood and Transplant",
        "client_name": "Learning",
    },
    "consent.html": {
        "action": "/consent",
        "csrf_token": "t0ken",
        "client_name": "Rota Planner",
        "client_uri": "https://rota.example",
        "username": "918JSMITH01",
        "name": "Jo Smith",
        "scopes": ("openid", "profile", "email", "offline_access", "esr", "birthdate"),
    },
    "account.html": ACCOUNT,
    "account_activity.html": {
        "csrf_token": "t0ken",
        "name": "Jo Smith",
        "username": "918JSMITH01",
        "events": EVENTS,
    },
    "logout.html": {
        "action": "/logout",
        "csrf_token": "t0ken",
        "client_name": "Learning",
        "fields": (("state", "xyz"),),
    },
    "signed_out.html": {"continue_uri": "https://rp.example/", "client_name": "Learning"},
    "update_password.html": {
        "action": "/update-password?link=t0ken",
        "csrf_token": "t0ken",
        "link": "t0ken",
        "request": "handle",
        "username": "918JSMITH01",
        "activates": True,
        "wrong": (),
        "choice": CHOICE,
    },
    "change_password.html": {
        "action": "/change-password",
        "csrf_token": "t0ken",
        "due": False,
        "name": "Jo Smith",
        "username": "918JSMITH01",
        "wrong": (),
        "choice": CHOICE,
    },
    "passkey_add.html": {
        "passkey": PASSKEY,
        "name": "Jo Smith",
        "username": "918JSMITH01",
        "security_keys_only": True,
        "onwards": "/account",
    },
    "mfa.html": {
        **OWN_FORM,
        "way": "totp",
        "wrong": "Check the code and enter it again",
        "failed": True,
        "trust_days": 30,
        "passkey": PASSKEY,
        "others": (("recovery_code", "/mfa?way=recovery_code"),),
    },
    "mfa_enrol.html": {
        **OWN_FORM,
        "link": "l1nk",
        "app_name": "My phone",
        "problem": "Enter a name of not more than 60 characters",
        "longest": 60,
        "passkey": "/passkey/add",
    },
    "mfa_enrol_code.html": {
        **OWN_FORM,
        "link": "l1nk",
        "device": "50000000-0000-4000-8000-000000000001",
        "qr": qr.svg("otpauth://totp/Electronic%20Staff%20Record:918JSMITH01?secret=ABCD"),
        "key": "ABCD EFGH",
        "problem": "Enter the 6 digits that your app shows",
        "again": "/mfa/enrol",
    },
    "mfa_enrol_mail.html": {**OWN_FORM, "sent": True, "problem": "Use the newest one, or try again later"},
    "mfa_enrol_elsewhere.html": {"log_in": "/login"},
    "recovery_codes.html": {
        "codes": ("3-ABCDE-FGHJK-MNPQR-S",),
        "after_enrolment": True,
        "onwards": "/",
    },
    "recovery_codes_make.html": {**OWN_FORM, "left": 7},
    "unusable_link.html": {
        "title": "This link has expired",
        "sentence": "Nothing was changed.",
        "remedy": "Ask for a new link.",
        "ask_again": "/forgotten",
        "log_in": "/login",
    },
    "home.html": {
        "username": "918JSMITH01",
        "name": "Jo Smith",
        "applications": (("Learning", "https://rp.example/"),),
    },
    "form_post.html": {
        "redirect_uri": "https://rp.example/callback",
        "fields": (("code", "c0de"), ("state", "xyz")),
        "client_name": "Learning",
    },
    "error.html": {
        "title": "There is a problem",
        "sentence": "Start again",
        "remedy": "Continue",
        "continue_uri": "https://rp.example/",
        "continue_name": "Learning",
    },
    "busy.html": {"retry_after": 5},
    "outbox.html": {"messages": (MESSAGE,)},
    "outbox_message.html": {"message": MESSAGE},
}


class Page(HTMLParser):
    """The elements of a page, each with its attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def field(self, name: str) -> dict[str, str | None]:
        (found,) = [attributes for attributes in self.all("input") if attributes.get("name") == name]
        return found


def html(
    template: str,
    values: Mapping[str, object],
    *,
    brand: Brand = Brand.NEUTRAL,
    language: Language = Language.ENGLISH,
    reference: str | None = "7F3K-2Q",
    notice: str | None = None,
) -> str:
    return RENDERINGS[brand].render(
        template,
        language=language,
        nonce="n0nce",
        path_for_language=PATHS,
        service_desk="0300 123",
        reference=reference,
        notice=notice,
        **values,
    )


def login(**values: object) -> Page:
    return Page(html("login.html", {**LOGIN, **values}))


def evil(value: object) -> object:
    """The same value with every text in it replaced by a script."""
    if isinstance(value, str):
        return EVIL
    if isinstance(value, tuple):
        return tuple(evil(inner) for inner in value)
    if isinstance(value, Ceremony):
        return Ceremony(EVIL, EVIL, EVIL, EVIL)
    if isinstance(value, Message):
        return EVIL_MESSAGE
    if is_dataclass(value) and not isinstance(value, (type, Choice)):
        return replace(value, **{each.name: evil(getattr(value, each.name)) for each in fields(value)})
    return value


def test_every_template_has_a_sample_here() -> None:
    pages = {path.name for path in TEMPLATES.glob("*.html")} - {"base.html"}
    assert pages == set(PAGES)


@pytest.mark.parametrize("brand", Brand)
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("template", PAGES)
class TestEveryPage:
    def test_has_one_heading_one_main_and_says_its_language(
        self, template: str, language: Language, brand: Brand
    ) -> None:
        page = Page(html(template, PAGES[template], brand=brand, language=language))
        count = Counter(tag for tag, _ in page.elements)
        assert (count["h1"], count["main"]) == (1, 1)
        assert page.all("html") == [{"lang": language.value}]

    def test_runs_no_inline_script_or_style(self, template: str, language: Language, brand: Brand) -> None:
        page = Page(html(template, PAGES[template], brand=brand, language=language))
        for script in page.all("script"):
            assert script["nonce"] == "n0nce"
            assert (script["src"] or "").startswith("/static/")
        assert not page.all("style")
        assert not [
            name for _, given in page.elements for name in given if name == "style" or name.startswith("on")
        ]

    def test_loads_nothing_from_elsewhere(self, template: str, language: Language, brand: Brand) -> None:
        page = Page(html(template, PAGES[template], brand=brand, language=language))
        sources = [given.get("src") for _, given in page.elements if "src" in given]
        links = [given["href"] for given in page.all("link")]
        assert all(str(address).startswith("/static/") for address in (*sources, *links))

    def test_escapes_every_value(self, template: str, language: Language, brand: Brand) -> None:
        values = {name: evil(value) for name, value in PAGES[template].items()}
        text = html(template, values, brand=brand, language=language, reference=EVIL)
        assert EVIL not in text
        assert "&lt;script&gt;" in text

    def test_shows_the_lozenge_only_where_it_may(
        self, template: str, language: Language, brand: Brand
    ) -> None:
        page = html(template, PAGES[template], brand=brand, language=language)
        assert ("nhsuk-header__logo" in page) is (brand is Brand.NHS)

    def test_offers_the_other_language(self, template: str, language: Language, brand: Brand) -> None:
        page = Page(html(template, PAGES[template], brand=brand, language=language))
        other = Language.WELSH if language is Language.ENGLISH else Language.ENGLISH
        assert {"href": PATHS[other], "lang": other.value, "hreflang": other.value} in page.all("a")
        assert "Cymraeg" in page.text

    def test_is_honest_about_its_welsh(self, template: str, language: Language, brand: Brand) -> None:
        page = Page(html(template, PAGES[template], brand=brand, language=language))
        assert ("cyfieithiad" in page.text) is (language is Language.WELSH)

    def test_says_where_help_is_and_which_reference_to_give(
        self, template: str, language: Language, brand: Brand
    ) -> None:
        page = Page(html(template, PAGES[template], brand=brand, language=language))
        assert "0300 123" in page.text
        assert page.text.count("7F3K-2Q") == 1


@pytest.mark.parametrize("template", PAGES)
def test_a_missing_value_is_an_error_and_no_blank(template: str) -> None:
    for name in PAGES[template]:
        values = {key: value for key, value in PAGES[template].items() if key != name}
        with pytest.raises(UndefinedError):
            html(template, values)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_no_template_trusts_markup(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"\|\s*safe\b|Markup|autoescape", source)


def test_a_message_id_from_python_cannot_carry_markup() -> None:
    assert "&lt;script&gt;" in html("error.html", {**PAGES["error.html"], "sentence": EVIL})


# What each of the design system's macros prints of its parameters.
MACROS: Mapping[str, Mapping[str, object]] = {
    "button": {"text": EVIL, "href": EVIL, "value": EVIL, "name": EVIL},
    "date_input": {
        "id": EVIL,
        "fieldset": {"legend": {"text": EVIL}},
        "hint": {"text": EVIL},
        "errorMessage": {"text": EVIL, "visuallyHiddenText": EVIL},
        "items": [
            {"id": EVIL, "name": EVIL, "label": {"text": EVIL}, "value": EVIL, "autocomplete": EVIL},
        ],
    },
    "details": {"summary": {"text": EVIL}, "text": EVIL},
    "error_summary": {"heading": EVIL, "description": EVIL, "errorList": [{"text": EVIL, "href": EVIL}]},
    "header": {"service": {"text": EVIL}},
    "input": {
        "id": EVIL,
        "name": EVIL,
        "label": {"text": EVIL},
        "hint": {"text": EVIL},
        "errorMessage": {"text": EVIL, "visuallyHiddenText": EVIL},
        "value": EVIL,
        "autocomplete": EVIL,
    },
    "inset_text": {"text": EVIL, "visuallyHiddenText": EVIL},
    "notification_banner": {"title": {"text": EVIL}, "text": EVIL},
    "password_input": {
        "id": EVIL,
        "name": EVIL,
        "label": {"text": EVIL},
        "errorMessage": {"text": EVIL, "visuallyHiddenText": EVIL},
        "showPasswordText": EVIL,
        "hidePasswordText": EVIL,
        "showPasswordAriaLabelText": EVIL,
        "hidePasswordAriaLabelText": EVIL,
        "passwordShownAnnouncementText": EVIL,
        "passwordHiddenAnnouncementText": EVIL,
    },
    "skip_link": {"text": EVIL, "href": EVIL},
    "summary_list": {"rows": [{"key": {"text": EVIL}, "value": {"text": EVIL}}]},
}


def test_every_macro_is_fed_a_script() -> None:
    assert set(MACROS) == {folder.replace("-", "_") for folder in COMPONENTS}


@pytest.mark.parametrize("name", MACROS)
def test_a_macro_escapes_what_it_is_given(name: str) -> None:
    markup = _components()[name](MACROS[name])
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup


@pytest.mark.parametrize(
    "params",
    [{"html": EVIL}, {"attributes": EVIL}, {"rows": [{"value": {"html": EVIL}}]}],
    ids=["html", "attributes", "nested"],
)
def test_text_where_a_macro_wants_markup_is_refused(params: Mapping[str, object]) -> None:
    with pytest.raises(TypeError, match="finished markup"):
        _components()["summary_list"](params)


class TestLogin:
    def test_has_the_words_of_the_guidance(self) -> None:
        text = login().text
        for words in (
            "Log in with your credentials",
            "Fields with an asterisk (*) are required fields",
            "Username*",
            "(Example: 999JSMITH01)",
            "Password*",
            "Forgotten | Request Username/Password | Unlock Account",
            "Log in via Username Password",
            "Log in with your Smartcard",
            "Access ESR by inserting your Smartcard and entering your PIN",
            "and then selecting the 'Log in via Smartcard' button",
        ):
            assert words in text

    def test_without_a_smartcard_reader_has_the_words_of_the_guidances_last_screen(self) -> None:
        text = login(smartcard=None, care_identity=None).text
        assert "Fields marked with an asterisk (*) are required fields." in text
        assert "Log in via" not in text
        assert "Smartcard" not in text

    def test_names_the_relying_party(self) -> None:
        assert "Log in to continue to My ESR Self-Service." in login().text

    def test_keeps_the_username_and_never_the_password(self) -> None:
        page = login(username="918JSMITH01", failed=True)
        assert page.field("username")["value"] == "918JSMITH01"
        assert "value" not in page.field("password")

    def test_helps_password_managers_and_never_cuts_a_password(self) -> None:
        page = login()
        username, password = page.field("username"), page.field("password")
        assert username["autocomplete"] == "username webauthn"
        assert password["autocomplete"] == "current-password"
        assert (username["autocapitalize"], username["spellcheck"]) == ("off", "false")
        assert password["type"] == "password"
        assert not {"maxlength", "onpaste", "pattern", "readonly"} & {*username, *password}

    def test_posts_with_its_csrf_token(self) -> None:
        page = login()
        assert page.all("form") == [{"method": "post", "action": "/login", "novalidate": None}]
        assert page.field("csrf_token")["value"] == "t0ken"

    @pytest.mark.parametrize("query", ["", "?request=h4ndle"])
    def test_links_to_recovery_and_takes_the_waiting_request_along(self, query: str) -> None:
        links = [link["href"] or "" for link in login(recovery_query=query).all("a")]
        recovery = [link for link in links if link.startswith(("/forgotten", "/request", "/unlock"))]
        assert recovery == [f"/forgotten{query}", f"/request{query}", f"/unlock{query}"]

    def test_a_refusal_names_remedies_and_not_the_reason(self) -> None:
        page = login(failed=True)
        assert page.text.startswith("Error: Log in with your credentials \N{EN DASH} Electronic Staff Record")
        assert "There is a problem" in page.text
        assert "wait and try again later" in page.text
        assert "use the links below the form" in page.text
        assert not re.search(r"locked|disabled|unknown|wrong|incorrect|too many|not recognised", page.text)

    def test_the_error_summary_links_to_the_fields_left_empty(self) -> None:
        page = login(blank=("username", "password"))
        targets = [link["href"] for link in page.all("a") if (link["href"] or "#m").startswith("#")]
        assert targets == ["#maincontent", "#username", "#password"]
        assert page.field("username")["id"] == "username"
        assert page.field("username")["aria-describedby"] == "username-hint username-error"
        assert page.field("password")["aria-describedby"] == "password-error"

    def test_without_an_error_there_is_no_summary(self) -> None:
        page = login()
        assert page.text.startswith("Log in with your credentials \N{EN DASH} Electronic Staff Record")
        assert "There is a problem" not in page.text


class TestIdentity:
    @pytest.mark.parametrize(
        ("template", "name"),
        [
            ("forgotten.html", "Forgotten"),
            ("request.html", "Request Username/Password"),
            ("unlock.html", "Unlock Account"),
        ],
    )
    def test_has_the_words_of_the_guidance(self, template: str, name: str) -> None:
        page = Page(html(template, {**IDENTITY, **NO_PROBLEM}))
        for words in (
            "Forgotten | Request Username/Password | Unlock Account",
            "Enter the email address associated with your account and your date of birth",
            "your login details will then be emailed to you.",
            "Email* (Example : first.last@domain.com)",
            "Date of Birth*",
            "Date Month Year",
            "Only required if you have more than one NHS Employer and wish to reset a specific account.",
            "If known, enter your ESR username to receive details for this account only.",
            "Username",
            "Submit",
        ):
            assert words in page.text
        assert page.text.startswith(f"{name} \N{EN DASH} Electronic Staff Record")
        (current,) = [link for link in page.all("a") if link.get("aria-current") == "page"]
        assert current["href"] == f"/{template.removesuffix('.html')}?request=h4ndle"

    def test_helps_browsers_to_fill_in_what_they_know(self) -> None:
        page = Page(html("forgotten.html", IDENTITY))
        filled = {name: page.field(name)["autocomplete"] for name in FIELDS}
        assert filled == FIELDS
        assert page.field("email")["type"] == "email"
        assert {page.field(name)["inputmode"] for name in FIELDS if name.startswith("dob-")} == {"numeric"}

    def test_an_error_keeps_what_was_typed_and_the_summary_links_to_each_field(self) -> None:
        page = Page(html("forgotten.html", IDENTITY))
        assert page.text.startswith("Error: Forgotten")
        assert [page.field(name)["value"] for name in FIELDS] == ["first.last", "31", "Feb", "1984", "JSMITH"]
        targets = [link["href"] for link in page.all("a") if (link["href"] or "").startswith("#")]
        assert targets == ["#maincontent", "#email", "#dob-day", "#username"]
        assert page.field("email")["aria-describedby"] == "email-hint email-error"
        assert page.field("username")["aria-describedby"] == "username-hint username-error"
        (fieldset,) = page.all("fieldset")
        assert fieldset["aria-describedby"] == "dob-hint dob-error"

    def test_only_the_boxes_an_error_is_about_are_marked(self) -> None:
        page = Page(
            html("forgotten.html", {**IDENTITY, **NO_PROBLEM, "dob_problem": "x", "dob_parts": ("month",)})
        )
        marked = [name for name in FIELDS if "nhsuk-input--error" in (page.field(name)["class"] or "")]
        assert marked == ["dob-month"]
        assert "#dob-month" in [link["href"] for link in page.all("a")]


FIELDS = {
    "email": "email",
    "dob-day": "bday-day",
    "dob-month": "bday-month",
    "dob-year": "bday-year",
    "username": "username",
}


@pytest.mark.parametrize(
    "submitted",
    [
        "Your password-reset request has been submitted.",
        "Your username request has been submitted.",
        "Your unlock request has been submitted.",
    ],
)
def test_the_confirmation_has_the_words_of_the_guidance(submitted: str) -> None:
    page = Page(html("confirmation.html", {**PAGES["confirmation.html"], "submitted": submitted}))
    assert (
        f"Confirmation {submitted} An email with instructions will be sent shortly. Please contact the "
        "System Administrator if you do not receive an email within the next 10-15 minutes."
    ) in page.text
    assert "Ok" in page.text.split()


def test_good_news_stand_above_the_page_in_its_language() -> None:
    page = html("busy.html", {"retry_after": 1}, notice=EVIL)
    banner = page.partition("<main")[2].partition("<h1")[0]
    assert 'role="alert"' in banner
    assert "Success" in banner
    assert "&lt;script&gt;" in banner
    assert "<script" not in banner


def test_consent_describes_every_scope_in_plain_words() -> None:
    text = Page(html("consent.html", PAGES["consent.html"])).text
    for word in ("openid", "offline_access", "birthdate"):
        assert word not in text
    for words in (
        "your name",
        "your work email address",
        "your employer and your roles",
        "your date of birth",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("template", "name", "values"),
    [
        ("consent.html", "decision", ["allow", "deny"]),
        ("logout.html", "decision", ["sign_out", "stay"]),
        ("select_account.html", "choice", ["continue", "other"]),
    ],
)
def test_the_buttons_say_which_was_chosen(template: str, name: str, values: list[str]) -> None:
    buttons = Page(html(template, PAGES[template])).all("button")
    assert [button["value"] for button in buttons if button.get("name") == name] == values


def test_form_post_carries_the_answer_and_a_button_for_browsers_without_scripts() -> None:
    page = Page(html("form_post.html", PAGES["form_post.html"]))
    assert page.all("form") == [{"method": "post", "action": "https://rp.example/callback"}]
    assert (page.field("code")["value"], page.field("state")["value"]) == ("c0de", "xyz")
    assert len(page.all("button")) == 1


@pytest.mark.parametrize(("seconds", "words"), [(1, "Wait 1 second,"), (30, "Wait 30 seconds,")])
def test_busy_says_how_long_to_wait(seconds: int, words: str) -> None:
    assert words in Page(html("busy.html", {"retry_after": seconds})).text


def test_without_a_service_desk_the_page_still_says_whom_to_ask() -> None:
    page = RENDERINGS[Brand.NHS].render(
        "busy.html", language=Language.ENGLISH, nonce="n", path_for_language={}, retry_after=1
    )
    assert "contact your employer" in page
    assert "Cymraeg" not in page
    assert "NHS Electronic Staff Record" in page

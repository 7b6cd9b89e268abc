"""What people do on the pages that help them to get in, in either language.

Fields and buttons are found by their names in the form, which are the same in every language.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.journeys.browser import Watched
from tests.journeys.demo import Demo, Person
from tests.journeys.mail import Mail
from tests.journeys.recovery import words
from tests.journeys.recovery.words import Words

OLD = "Lantern-Drift-47"
NEW = "Velvet.Heron.29"
"""Passwords that keep every rule."""


@dataclass
class Story:
    """A person with a browser, in front of one page."""

    demo: Demo
    watched: Watched
    language: str
    page: Page

    def arrive(self) -> str:
        """From the application to the login page, in the language; the handle of the waiting request."""
        self.page.goto(self.demo.self_service)
        self._go_by(self.page.get_by_role("link", name="Sign in", exact=True))
        self.speak()
        self.at(words.LOGIN)
        return self.waiting()

    def speak(self) -> None:
        """Read the page in the story's language from now on."""
        if self.page.locator("html").get_attribute("lang") != self.language:
            other = {"en": "English", "cy": "Cymraeg"}[self.language]
            self._go_by(self.page.get_by_role("link", name=other, exact=True))

    def at(self, heading: Words, *, look: str | None = None) -> None:
        """Make sure that this page is shown, in the story's language; take it in under a name."""
        expect(self.page.locator("h1")).to_have_text(self.said(heading))
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        if look is not None:
            self.watched.look(self.page, look)

    def has_arrived(self, username: str) -> None:
        """Make sure that the application knows who has come."""
        expect(self.page.locator("h1")).to_contain_text("Your payslip for")
        self.page.goto(f"{self.demo.self_service}/tokens")
        expect(self.page.get_by_text("Signature valid.")).to_have_count(2)
        expect(self.page.locator("dd", has_text=username)).to_have_count(1)

    def waiting(self) -> str:
        """The handle of the waiting request that the page goes on with; empty without one."""
        return parse_qs(urlsplit(self.page.url).query).get("request", [""])[0]

    def follow(self, path: str) -> None:
        """Click the link of the page to this path."""
        self._go_by(self.page.locator(f'main a[href^="{path}"]').first)

    def fill(self, **fields: str) -> None:
        """Fill in fields by their ids."""
        for name, value in fields.items():
            self.page.locator(f"#{name.replace('__', '-')}").fill(value)

    def send(self) -> None:
        """Send the form of the page."""
        self._go_by(self.page.locator("main form button[type=submit]"))

    def log_in(self, person: Person, password: str | None = None) -> None:
        """Fill in the login page and send it."""
        self.fill(username=person.username, password=password or person.password or "")
        self.send()

    def identify(self, person: Person, username: str = "") -> None:
        """Fill in who one is and send it."""
        born = person.born
        self.fill(email=person.email, dob__day=f"{born.day}", dob__month=f"{born.month}")
        self.fill(dob__year=f"{born.year}", username=username)
        self.send()

    def ask(self, page: str, person: Person, subject: Words) -> Mail:
        """Say who one is on this page, and wait for the letter."""
        self.page.goto(f"{self.demo.issuer}/{page}")
        self.speak()
        self.identify(person)
        self.at(words.CONFIRMATION)
        return self.mail(person, subject)

    def choose(self, password: str, **fields: str) -> None:
        """Fill in a new password, twice, and what the page wants besides, and send it."""
        self.fill(**fields, password=password, confirm_password=password)
        self.send()

    def mail(self, person: Person, subject: Words) -> Mail:
        """The next letter to the person that has this subject."""
        while True:
            mail = self.demo.mailbox.next(person.email)
            if mail.subject == subject.said_in(mail.language):
                return mail

    def is_told(self, news: Words) -> None:
        """Make sure that the page says this above everything else."""
        expect(self.page.locator(".nhsuk-notification-banner__content")).to_contain_text(self.said(news))

    def is_warned(self, *problems: Words) -> None:
        """Make sure that the page lists these problems, and no others, and takes the person there."""
        summary = self.page.locator(".nhsuk-error-summary")
        expect(summary.get_by_role("listitem")).to_have_text([self.said(each) for each in problems])
        if self.watched.scripts:
            expect(summary).to_be_focused()

    def said(self, these: Words) -> str:
        """As it reads in the story's language."""
        return these.said_in(self.language)

    def _go_by(self, element: Locator) -> None:
        """Click, and wait for the page that it leads to: it may have the same heading."""
        with self.page.expect_navigation():
            element.click()

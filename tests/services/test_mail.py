"""Letters reach a real SMTP server, over a line nobody can strip, and what fails says so without a secret."""

import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from idp.policy import email_address
from idp.services.mail import (
    FolderMailer,
    Message,
    NotSent,
    Security,
    SmtpMailer,
    SmtpServer,
    address_problem,
    smtp_server,
)
from tests.smtp import REFUSALS, Mode, SmtpSink

LINK = "https://id.example.nhs.uk/update-password?link=q7wLr0v9Yx3mZb5Jc1Kd8Nf2Pg4Qh6RsTtUuVvWwXxE"
MESSAGE = Message(
    id=UUID("0c6b3b5e-8f5c-4b0e-9a51-0f4f5b2f7a10"),
    to="jane.o'neill@nhsbt.example",
    sender="no-reply@esr.example",
    subject="Your ESR login details",
    text=f"Siân, choose a password:\n{LINK}\n.\nFrom here on: {'ŵ' * 2000}\n",
    html=f"<p><a href='{LINK}'>Siân</a> {'x' * 5000}</p>\n",
    language="cy",
    at=datetime(2026, 11, 22, 14, 35, 1, 250, tzinfo=UTC),
)


def another(number: int) -> Message:
    return replace(MESSAGE, id=UUID(int=number), at=MESSAGE.at + timedelta(seconds=number))


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


@pytest.fixture
def mailer(sink: SmtpSink) -> Iterator[SmtpMailer]:
    made = SmtpMailer(smtp_server(sink.url), timeout=0.5, patience=0.5)
    yield made
    made.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that nobody but its own file vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def refusal(mailer: SmtpMailer | FolderMailer, message: Message = MESSAGE) -> NotSent:
    with pytest.raises(NotSent) as caught:
        mailer.send(message)
    return caught.value


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


class TestTheMessage:
    def test_arrives_as_it_was_written(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(MESSAGE)
        ((taken_id, to, mail),) = sink.received
        assert (taken_id, to) == (MESSAGE.id, "jane.o'neill@nhsbt.example")
        assert part(mail, "plain").replace("\r\n", "\n") == MESSAGE.text
        assert part(mail, "html").replace("\r\n", "\n") == MESSAGE.html

    def test_says_who_when_and_that_no_person_wrote_it(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(MESSAGE)
        mail = sink.received[0].message
        assert {name: str(value) for name, value in mail.items() if name != "Content-Type"} == {
            "From": "no-reply@esr.example",
            "To": "jane.o'neill@nhsbt.example",
            "Subject": "Your ESR login details",
            "Date": "Sun, 22 Nov 2026 14:35:01 +0000",
            "Message-ID": "<0c6b3b5e-8f5c-4b0e-9a51-0f4f5b2f7a10@esr.example>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": "cy",
            "MIME-Version": "1.0",
        }
        assert mail.get_content_type() == "multipart/alternative"
        assert [inner.get_content_type() for inner in mail.iter_parts()] == ["text/plain", "text/html"]

    def test_passes_any_relay(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(MESSAGE)
        assert sink.raw[0].isascii()
        headers, _, body = sink.raw[0].partition(b"\r\n\r\n")
        assert max(map(len, headers.split(b"\r\n"))) <= 998
        assert max(map(len, body.split(b"\r\n"))) <= 78

    def test_keeps_its_id_when_it_is_sent_again(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(MESSAGE)
        mailer.send(MESSAGE)
        assert [taken.message["Message-ID"] for taken in sink.received] == [
            "<0c6b3b5e-8f5c-4b0e-9a51-0f4f5b2f7a10@esr.example>"
        ] * 2

    def test_takes_no_header_from_a_subject(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(replace(MESSAGE, subject="Eich\r\nBcc: all@evil.example\u2028\x00 cyfrif ŵ"))
        (taken,) = sink.received
        assert taken.message["Bcc"] is None
        assert taken.message["Subject"] == "Eich Bcc: all@evil.example cyfrif ŵ"

    def test_reaches_the_longest_address_whole(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        domain = ".".join(["d" * 61] * 3) + ".ex"
        longest = f"{'l' * 64}@{domain}"
        mailer.send(replace(MESSAGE, to=longest))
        assert [(taken.to, taken.message["To"]) for taken in sink.received] == [(longest, longest)]

    def test_does_not_show_its_words_in_its_repr(self) -> None:
        assert LINK not in repr(MESSAGE)


ADDRESSES = [
    "jane@nhsbt.example\r\nBcc: all@evil.example",
    "jane@nhsbt.example\n",
    "jane@nhsbt.example, all@evil.example",
    "jane@nhsbt.example;all@evil.example",
    "jane@nhsbt.example all@evil.example",
    " jane@nhsbt.example",
    "Jane <jane@nhsbt.example>",
    "<jane@nhsbt.example>",
    '"jane smith"@nhsbt.example',
    "jane\x00@nhsbt.example",
    "jane@nhsbt.example\u202e",
    "j\u0430ne@nhsbt.example",  # a Cyrillic a
    "jane@n\u210bsbt.example",
    "jane@@nhsbt.example",
    "jane(all)@nhsbt.example",
    ".jane@nhsbt.example",
    "jane.@nhsbt.example",
    "jane@[127.0.0.1]",
    "jane",
    "",
    f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 59}.ex",
]


class TestAnAddress:
    @pytest.mark.parametrize(
        "address",
        [
            "jane.o'neill@nhsbt.example",
            "J+esr@a-b.c1.example",
            f"{'a' * 64}@example.nhs.uk",
            "1@2.example",
            "!#$%&'*/=?^_`{|}~@nhsbt.example",
            "-@-.example",
        ],
    )
    def test_of_a_person_will_do(self, address: str) -> None:
        assert address_problem(address) is None
        assert email_address.is_address(address)
        assert Address(addr_spec=address).addr_spec == address

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_that_could_be_anything_else_will_not(self, address: str) -> None:
        problem = address_problem(address)
        assert problem == "is not one email address; write it like first.last@domain.com"
        assert not email_address.is_address(address)

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_that_will_not_do_gets_no_mail(self, sink: SmtpSink, mailer: SmtpMailer, address: str) -> None:
        for message in (replace(MESSAGE, to=address), replace(MESSAGE, sender=address)):
            assert refusal(mailer, message).permanent
        assert (sink.received, sink.connections) == ([], 0)


class TestAConnection:
    def test_is_kept_for_the_next_letter(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        for number in range(3):
            mailer.send(another(number))
        assert (sink.connections, len(sink.received)) == (1, 3)

    def test_that_the_server_closed_is_made_anew(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(another(1))
        sink.stop()
        sink.start()
        mailer.send(another(2))
        assert [taken.id for taken in sink.received] == [UUID(int=1), UUID(int=2)]

    def test_is_made_anew_after_it_was_let_go(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        mailer.send(another(1))
        mailer.close()
        mailer.close()
        mailer.send(another(2))
        assert (sink.connections, len(sink.received)) == (2, 2)

    def test_that_nobody_takes_is_tried_again_later(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        sink.mode = "down"
        failed = refusal(mailer)
        assert (failed.reason, failed.permanent, failed.unreachable) == ("Connection refused", False, True)
        sink.mode = "ok"
        mailer.send(MESSAGE)
        assert len(sink.received) == 1

    def test_to_a_name_that_nobody_has_is_no_letters_fault(self) -> None:
        assert not refusal(SmtpMailer(SmtpServer("mail.invalid", 25, Security.NONE))).permanent

    def test_to_something_silent_ends(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        sink.mode = "slow"
        failed = refusal(mailer)
        assert "timed out" in failed.reason
        assert (failed.permanent, failed.unreachable) == (False, True)
        sink.mode = "ok"
        mailer.send(MESSAGE)

    def test_that_takes_its_time_to_file_a_letter_is_waited_for(self, sink: SmtpSink) -> None:
        sink.mode, sink.delay = "slow", 1.0
        mailer = SmtpMailer(smtp_server(sink.url), timeout=0.5, patience=5)
        mailer.send(MESSAGE)
        mailer.send(MESSAGE)
        mailer.close()
        assert (len(sink.received), sink.connections) == (2, 1)

    def test_that_dies_before_the_answer_may_have_delivered(self, sink: SmtpSink, mailer: SmtpMailer) -> None:
        sink.next("die_after_data")
        failed = refusal(mailer)
        assert (failed.reason, failed.permanent) == ("Connection unexpectedly closed", False)
        mailer.send(MESSAGE)
        assert [taken.id for taken in sink.received] == [MESSAGE.id] * 2


class TestARefusal:
    @pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
    @pytest.mark.parametrize(
        ("mode", "reason", "permanent"),
        [("4xx", "451 4.3.0 Try again later", False), ("5xx", "550 5.1.1 No such mailbox here", True)],
    )
    def test_is_told_and_stops_no_other_letter(
        self, sink: SmtpSink, mailer: SmtpMailer, at: str, mode: Mode, reason: str, permanent: bool
    ) -> None:
        sink.refuse_at = at  # type: ignore[assignment]  # one of its three words
        sink.next(mode)
        failed = refusal(mailer)
        assert (failed.reason, failed.permanent, failed.unreachable) == (reason, permanent, False)
        mailer.send(another(2))
        assert [taken.id for taken in sink.received] == [UUID(int=2)]
        assert sink.connections == 1

    def test_is_one_short_line(
        self, sink: SmtpSink, mailer: SmtpMailer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(REFUSALS, "5xx", "550-spam\r\n550-\x1b[31m\r\n550 " + "x " * 200)
        sink.next("5xx")
        failed = refusal(mailer)
        assert failed.reason.startswith("550 spam [31m x x")
        assert len(failed.reason) == 300
        assert failed.reason.isprintable()

    def test_of_a_server_that_shuts_down_is_no_letters_fault(
        self, sink: SmtpSink, mailer: SmtpMailer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(REFUSALS, "4xx", "421 4.3.2 Shutting down")
        sink.next("4xx")
        failed = refusal(mailer)
        assert (failed.reason, failed.permanent) == ("421 4.3.2 Shutting down", False)
        assert failed.unreachable
        mailer.send(MESSAGE)
        assert (len(sink.received), sink.connections) == (1, 2)

    def test_repeats_nothing_of_the_letter(
        self, sink: SmtpSink, mailer: SmtpMailer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = LINK.partition("link=")[2]
        monkeypatch.setitem(
            REFUSALS, "5xx", f"554 bad address {LINK} or {token} or {token[3:30]}: ask-postmaster"
        )
        sink.next("5xx")
        failed = refusal(mailer)
        assert failed.reason == "554 bad address [...] or [...] or [...]: ask-postmaster"


class TestTls:
    def wanted(self, sink: SmtpSink, ca: Path | None, **more: object) -> SmtpMailer:
        security = Security.TLS if sink.implicit_tls else Security.STARTTLS
        server = SmtpServer("localhost", sink.port, security, ca=None if ca is None else str(ca))
        return SmtpMailer(replace(server, **more), timeout=2)  # type: ignore[arg-type]  # its own fields

    @pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "from the start"])
    def test_letters_go_over_it(self, tls: ssl.SSLContext, certificate: Path, implicit: bool) -> None:
        with SmtpSink(tls=tls, implicit_tls=implicit) as sink:
            mailer = SmtpMailer(
                smtp_server(f"{sink.url}?{'' if implicit else 'tls=starttls&'}ca={certificate}")
            )
            mailer.send(another(1))
            mailer.send(another(2))
            mailer.close()
            assert len(sink.received) == 2
            assert sink.connections == 1

    @pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "from the start"])
    def test_a_certificate_nobody_vouches_for_gets_nothing(self, tls: ssl.SSLContext, implicit: bool) -> None:
        with SmtpSink(tls=tls, implicit_tls=implicit) as sink:
            failed = refusal(self.wanted(sink, None))
            assert "CERTIFICATE_VERIFY_FAILED" in failed.reason
            assert not failed.permanent
            assert sink.received == []

    @pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "from the start"])
    def test_a_certificate_of_another_name_gets_nothing(
        self, tls: ssl.SSLContext, certificate: Path, implicit: bool
    ) -> None:
        with SmtpSink(tls=tls, implicit_tls=implicit) as sink:
            failed = refusal(self.wanted(sink, certificate, host="127.0.0.1"))
            assert "certificate is not valid for '127.0.0.1'" in failed.reason
            assert sink.received == []

    def test_an_offer_stripped_from_the_line_gets_nothing(
        self, tls: ssl.SSLContext, certificate: Path
    ) -> None:
        with SmtpSink(tls=tls, stripped=True, login=("esr", "s3cret")) as sink:
            failed = refusal(self.wanted(sink, certificate, user="esr", password="s3cret"))
            assert failed.reason == "The server does not offer STARTTLS, so nothing was said to it"
            assert not failed.permanent
            assert (sink.received, sink.logins) == ([], [])


class TestLogin:
    def test_is_over_tls(self, tls: ssl.SSLContext, certificate: Path) -> None:
        with SmtpSink(tls=tls, login=("esr@nhs", "p@ss/w:rd?")) as sink:
            url = f"smtp://esr%40nhs:p%40ss%2Fw%3Ard%3F@localhost:{sink.port}?tls=starttls&ca={certificate}"
            mailer = SmtpMailer(smtp_server(url))
            mailer.send(MESSAGE)
            mailer.close()
            assert sink.logins == [("esr@nhs", "p@ss/w:rd?")]
            assert len(sink.received) == 1

    def test_that_fails_is_no_letters_fault_and_shows_no_password(
        self, tls: ssl.SSLContext, certificate: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, logger="idp")
        with SmtpSink(tls=tls, login=("esr", "right")) as sink:
            server = smtp_server(
                f"smtp://esr:wr0ngsecret@localhost:{sink.port}?tls=starttls&ca={certificate}"
            )
            failed = refusal(SmtpMailer(server))
            assert failed.reason.startswith("535 ")
            assert not failed.permanent
            assert "wr0ngsecret" not in failed.reason + repr(server) + repr(failed)
            assert [record for record in caplog.records if "wr0ngsecret" in record.getMessage()] == []


class TestAServersUrl:
    @pytest.mark.parametrize(
        ("url", "server"),
        [
            ("smtp://mail.nhs.uk", SmtpServer("mail.nhs.uk", 587, Security.STARTTLS)),
            ("smtp://mail.nhs.uk:2525/", SmtpServer("mail.nhs.uk", 2525, Security.STARTTLS)),
            ("smtps://mail.nhs.uk", SmtpServer("mail.nhs.uk", 465, Security.TLS)),
            ("smtp://mail.nhs.uk?tls=none", SmtpServer("mail.nhs.uk", 25, Security.NONE)),
            ("smtp://mail.nhs.uk?tls=starttls", SmtpServer("mail.nhs.uk", 587, Security.STARTTLS)),
            ("smtp://localhost", SmtpServer("localhost", 25, Security.NONE)),
            ("smtp://127.0.0.9:8025", SmtpServer("127.0.0.9", 8025, Security.NONE)),
            ("smtp://[::1]:8025", SmtpServer("::1", 8025, Security.NONE)),
            ("smtp://localhost.evil.example", SmtpServer("localhost.evil.example", 587, Security.STARTTLS)),
            ("smtp://localhost?tls=starttls", SmtpServer("localhost", 587, Security.STARTTLS)),
            (
                "smtp://u%40x:p%3Aw@mail.nhs.uk",
                SmtpServer("mail.nhs.uk", 587, Security.STARTTLS, "u@x", "p:w"),
            ),
            ("smtp://u:pw@localhost", SmtpServer("localhost", 25, Security.NONE, "u", "pw")),
        ],
    )
    def test_is_read(self, url: str, server: SmtpServer) -> None:
        assert smtp_server(url) == server

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("mail.nhs.uk", "not one of a mail server"),
            ("http://mail.nhs.uk", "not one of a mail server"),
            ("smtp://", "not one of a mail server"),
            ("smtp://mail.nhs.uk:mail", "not one of a mail server"),
            ("smtp://mail.nhs.uk:99999", "not one of a mail server"),
            ("smtp://mail..nhs.uk", "not one of a mail server"),
            ("smtp://[::1", "not one of a mail server"),
            ("smtp://mail.nhs.uk/inbox", "not one of a mail server"),
            ("smtp://mail.nhs.uk#x", "not one of a mail server"),
            ("smtp://u:s3cr/et@mail.nhs.uk", "not one of a mail server"),
            ("smtp://u:12?s3cr@mail.nhs.uk", "an option that does not exist"),
            ("smtp://mail.nhs.uk?starttls=no", "an option that does not exist"),
            ("smtp://mail.nhs.uk?tls=maybe", "STARTTLS is required by itself"),
            ("smtps://mail.nhs.uk?tls=none", "a tls option that smtps does not need"),
            ("smtp://u:s3cr@mail.nhs.uk?tls=none", "its password in clear"),
            ("smtp://u@mail.nhs.uk", "without the other"),
            ("smtp://:s3cr@mail.nhs.uk", "without the other"),
            ("smtp://u:s3cr%C5%B5@mail.nhs.uk", "not ASCII"),
            ("smtp://u:s3cr%0D%0A@mail.nhs.uk", "not ASCII"),
            ("smtp://mail.nhs.uk?ca=/nowhere.pem", "not a readable file"),
            ("smtp://localhost?ca=/nowhere.pem", "no TLS"),
        ],
    )
    def test_that_will_not_do_is_refused_with_a_remedy_and_not_repeated(self, url: str, problem: str) -> None:
        with pytest.raises(ValueError, match=problem) as caught:
            smtp_server(url)
        assert "s3cr" not in str(caught.value)

    def test_may_name_a_private_authority(self, certificate: Path) -> None:
        assert smtp_server(f"smtps://mail.nhs.uk?ca={certificate}").ca == str(certificate)


class TestAFolder:
    def test_keeps_each_letter_in_a_file_of_its_own(self, tmp_path: Path) -> None:
        mailer = FolderMailer(tmp_path / "outbox")
        for number in (3, 1, 2):
            mailer.send(another(number))
        mailer.close()
        names = sorted(path.name for path in (tmp_path / "outbox").iterdir())
        assert names == [
            f"20261122T1435{second:02}.000250Z_00000000-0000-0000-0000-{number:012}.eml"
            for number, second in ((1, 2), (2, 3), (3, 4))
        ]

    def test_keeps_what_was_written_for_its_owner_alone(self, tmp_path: Path) -> None:
        FolderMailer(tmp_path / "outbox").send(MESSAGE)
        (path,) = (tmp_path / "outbox").iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        mail = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        assert isinstance(mail, EmailMessage)
        assert mail["To"] == "jane.o'neill@nhsbt.example"
        assert LINK in part(mail, "plain")

    def test_has_a_letter_once_however_often_it_is_sent(self, tmp_path: Path) -> None:
        mailer = FolderMailer(tmp_path)
        mailer.send(MESSAGE)
        mailer.send(replace(MESSAGE, at=MESSAGE.at + timedelta(hours=1), subject="Again"))
        (path,) = tmp_path.iterdir()
        assert b"Subject: Again" in path.read_bytes()

    def test_goes_on_after_a_crash_in_the_middle(self, tmp_path: Path) -> None:
        mailer = FolderMailer(tmp_path)
        mailer.send(MESSAGE)
        (path,) = tmp_path.iterdir()
        path.with_suffix(".unfinished").write_text("half a let")
        mailer.send(MESSAGE)
        assert list(tmp_path.iterdir()) == [path]

    def test_that_cannot_be_written_is_tried_again_later(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        failed = refusal(FolderMailer(tmp_path / "file"))
        assert failed.reason == "The folder cannot be written: File exists"
        assert (failed.permanent, failed.unreachable) == (False, True)

    def test_takes_no_letter_for_a_wrong_address(self, tmp_path: Path) -> None:
        assert refusal(FolderMailer(tmp_path), replace(MESSAGE, to="a@b.example, c@d.example")).permanent
        assert list(tmp_path.iterdir()) == []

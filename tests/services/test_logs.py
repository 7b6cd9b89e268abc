import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
import structlog

from idp.services import logs

RIGHT_TO_LEFT = "\u202e"


class Step(StrEnum):
    LOGIN = "login"


class Form:
    def __repr__(self) -> str:
        return "Form(password='Plain Tale 7')"


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    root.handlers, root.level = handlers, level
    logging.getLogger("authlib").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def only_event(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines(keepends=True)
    assert line.endswith("\n")
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    return cast("dict[str, object]", json.loads(line))


def test_an_event_is_one_json_line_with_time_and_level_first(stream: io.StringIO) -> None:
    logs.get().info("signed_in", client_id="my-esr", sub="abc")

    event = only_event(stream)
    assert list(event) == ["timestamp", "level", "event", "client_id", "sub"]
    assert (event["level"], event["event"], event["client_id"]) == ("info", "signed_in", "my-esr")
    written = datetime.fromisoformat(str(event["timestamp"]))
    assert written.utcoffset() == timedelta(0)


def test_a_logger_made_before_configuration_follows_it() -> None:
    early = logs.get()
    stream = io.StringIO()
    logs.configure(stream)
    try:
        early.info("heard")
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)

    assert only_event(stream)["event"] == "heard"


def test_what_is_bound_to_the_request_is_on_its_every_line(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(reference="7F3K-2Q"):
        logs.get().info("signed_in")

    assert only_event(stream)["reference"] == "7F3K-2Q"


def test_events_below_the_level_are_not_written(stream: io.StringIO) -> None:
    logs.get().debug("detail")
    logs.configure(stream, level="ERROR")
    logs.get().warning("odd")
    logging.getLogger("some.library").warning("odd")

    assert stream.getvalue() == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError):
        logs.configure(io.StringIO(), level="LOUD")


@pytest.mark.parametrize(
    "name",
    [
        *("password", "confirm_password", "passwords", "client_secret", "clientSecret", "IDP_SECRET_KEY"),
        *("access_token", "refresh_token", "id_token_hint", "csrf_token", "code", "code_verifier", "codes"),
        *("Cookie", "Set-Cookie", "cookies", "Proxy-Authorization", "client_assertion", "totp", "otp", "pin"),
        *("pepper", "api_key", "private_key", "sid", "session", "credential", "passphrase", "user_code"),
    ],
)
def test_a_secret_is_known_by_its_name(stream: io.StringIO, name: str) -> None:
    logs.get().info("event", **{name: "Plain Tale 7"})

    assert only_event(stream)[name] == "[redacted]"


@pytest.mark.parametrize(
    "name",
    [
        *("status_code", "employer_code", "error_code", "token_type", "token_endpoint_auth_method"),
        *(
            "client_id",
            "sub",
            "kid",
            "scope",
            "postcode_area",
            "decoded",
            "shipping",
            "grant_type",
            "authorization_request",
        ),
    ],
)
def test_what_only_sounds_secret_is_shown(stream: io.StringIO, name: str) -> None:
    logs.get().info("event", **{name: "shown"})

    assert only_event(stream)[name] == "shown"


def test_secrets_inside_values_are_found(stream: io.StringIO) -> None:
    logs.get().info("event", form={"username": "918JSMITH01", "rows": [{"password": "Plain Tale 7"}]})

    assert only_event(stream)["form"] == {"username": "918JSMITH01", "rows": [{"password": "[redacted]"}]}


def test_whether_a_secret_was_given_may_be_said(stream: io.StringIO) -> None:
    logs.get().info("event", password=None, client_secret=True)

    event = only_event(stream)
    assert event["password"] is None
    assert event["client_secret"] is True


def test_an_object_is_named_by_its_type_because_its_repr_may_tell(stream: io.StringIO) -> None:
    logs.get().info("event", form=Form(), body=b"password=Plain+Tale+7")

    event = only_event(stream)
    assert event["form"] == "[Form]"
    assert event["body"] == "[bytes]"


def test_plain_values_keep_their_sense(stream: io.StringIO) -> None:
    logs.get().info(
        "event",
        step=Step.LOGIN,
        at=datetime(2026, 11, 23, 9, tzinfo=UTC),
        waited=timedelta(seconds=30),
        account=UUID(int=1),
        path=Path("/var/lib/idp"),
        scope=frozenset({"profile", "openid"}),
        ratio=0.5,
        nothing=float("nan"),
        amr=("pwd",),
    )

    event = only_event(stream)
    del event["timestamp"], event["level"], event["event"]
    assert event == {
        "step": "login",
        "at": "2026-11-23T09:00:00+00:00",
        "waited": "0:00:30",
        "account": "00000000-0000-0000-0000-000000000001",
        "path": "/var/lib/idp",
        "scope": ["openid", "profile"],
        "ratio": 0.5,
        "nothing": "nan",
        "amr": ["pwd"],
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param('O\'Neil\r\n{"event": "forged"}', id="a second line"),
        pytest.param("\x1b[2J\x1b]0;title\x07", id="terminal escapes"),
        pytest.param(f"{RIGHT_TO_LEFT}gpj.exe", id="right-to-left override"),
        pytest.param("\x00\x08\x7f\x85\x9b", id="other control characters"),
        pytest.param("\u2028\u2029\ufeff", id="line separators"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param("Siân ŵ 🩺", id="a name"),
    ],
)
def test_any_text_stays_inside_its_string(stream: io.StringIO, name: str) -> None:
    logs.get().info(name, given_name=name, claims={name: 1})

    event = only_event(stream)
    assert event["event"] == name
    assert event["given_name"] == name
    assert event["claims"] == {name: 1}


def test_long_values_are_cut(stream: io.StringIO) -> None:
    logs.get().info("e" * 5000, name="x" * 1_000_000, exact="y" * 4096, many=list(range(1000)))

    event = only_event(stream)
    assert event["name"] == "x" * 4095 + "…"
    assert event["exact"] == "y" * 4096
    assert event["event"] == "e" * 4095 + "…"
    assert event["many"] == list(range(100))


def test_a_value_that_contains_itself_ends(stream: io.StringIO) -> None:
    endless: list[object] = []
    endless.append(endless)

    logs.get().info("event", endless=endless)

    assert "[too deep]" in stream.getvalue()


def failing(password: str) -> None:
    raise ValueError(f"{len(password)} characters\nand a second line")


def test_an_exception_is_a_traceback_without_variables(stream: io.StringIO) -> None:
    try:
        failing("Plain Tale " + "7")
    except ValueError:
        logs.get().exception("failed")

    event = only_event(stream)
    trace = str(event["exception"])
    assert event["level"] == "error"
    assert trace.startswith("Traceback (most recent call last):\n")
    assert "in failing" in trace
    assert trace.endswith("ValueError: 12 characters\nand a second line")
    assert "Plain Tale 7" not in trace


def test_an_exception_may_be_handed_over(stream: io.StringIO) -> None:
    logs.get().error("failed", exc_info=ValueError("cause"))

    assert only_event(stream)["exception"] == "ValueError: cause"


def test_without_an_exception_there_is_no_traceback(stream: io.StringIO) -> None:
    logs.get().error("failed", exc_info=True)

    assert "exception" not in only_event(stream)


def test_a_long_traceback_keeps_where_it_happened_and_the_start_of_the_message(stream: io.StringIO) -> None:
    def deeper(levels: int) -> None:
        if levels == 0:
            raise ValueError("cause " + "x" * 1_000_000)
        deeper(levels - 1)

    try:
        deeper(100)
    except ValueError:
        logs.get().exception("failed")

    trace = str(only_event(stream)["exception"])
    assert len(trace) <= 4096
    assert "in deeper" in trace
    assert "ValueError: cause xxx" in trace


def test_a_library_speaks_the_same_json(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("odd\n%s", RIGHT_TO_LEFT)

    event = only_event(stream)
    assert list(event) == ["timestamp", "level", "event", "logger"]
    assert event["level"] == "warning"
    assert event["event"] == f"odd\n{RIGHT_TO_LEFT}"
    assert event["logger"] == "some.library"


def test_a_library_s_exception_is_a_traceback_too(stream: io.StringIO) -> None:
    try:
        failing("")
    except ValueError:
        logging.getLogger("some.library").exception("failed")

    assert str(only_event(stream)["exception"]).endswith("ValueError: 0 characters\nand a second line")


@pytest.mark.parametrize("name", ["authlib.oauth2.rfc6749", "authlib", "some.library"])
def test_libraries_stay_at_warning_even_when_we_debug(stream: io.StringIO, name: str) -> None:
    logs.configure(stream, level="DEBUG")

    logging.getLogger(name).debug("token is Plain Tale 7")
    logging.getLogger(name).info("token is Plain Tale 7")

    assert stream.getvalue() == ""


def test_authlib_stays_at_warning_when_someone_opens_the_root_logger(stream: io.StringIO) -> None:
    logging.getLogger().setLevel(logging.DEBUG)

    logging.getLogger("authlib.oauth2.rfc6749").debug("token is Plain Tale 7")

    assert stream.getvalue() == ""


def test_configuring_again_does_not_write_twice(stream: io.StringIO) -> None:
    logs.configure(stream)

    logging.getLogger("some.library").warning("once")

    assert only_event(stream)["event"] == "once"


def test_a_warning_of_python_is_an_event(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)  # pytest has put its own recorder in between
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)

    assert "soon gone" in str(only_event(stream)["event"])


@pytest.mark.usefixtures("stream")
def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    closed = io.StringIO()
    closed.close()
    for unwritable in (Broken(), closed):
        logs.configure(unwritable)
        logs.get().info("signed_in")
        logging.getLogger("some.library").warning("odd")


def test_without_a_stream_it_goes_to_standard_error(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()
    logs.get().info("signed_in")

    assert json.loads(capsys.readouterr().err)["event"] == "signed_in"
    assert stream.getvalue() == ""

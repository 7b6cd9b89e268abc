"""What the environment may say, and what is said of it when it is wrong."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from idp.policy.card_number import NumberFrom
from idp.settings import SettingsWrong, load
from tests.authenticator import Vendor
from tests.care import client_key

RIGHT = {
    "IDP_ISSUER": "https://id.example.nhs.uk",
    "IDP_DATABASE_URL": "postgresql+psycopg://idp@db.internal/idp",
    "IDP_KEYS_DIR": "/etc/idp/keys",
}


def problems(**changed: str) -> list[str]:
    with pytest.raises(SettingsWrong) as wrong:
        load({**RIGHT, **changed})
    return wrong.value.problems


def test_three_settings_are_enough() -> None:
    settings = load(RIGHT)
    assert settings.issuer == "https://id.example.nhs.uk"
    assert settings.keys_dir == Path("/etc/idp/keys")
    assert (settings.port, settings.workers, settings.brand) == (8000, 1, "neutral")


def test_what_is_not_ours_is_ignored() -> None:
    assert load({**RIGHT, "PATH": "/bin", "IDPX": "1", "IDP_PORT": ""}).port == 8000


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(SettingsWrong) as wrong:
        load({"IDP_ISUER": "https://id.example.nhs.uk", "IDP_PORT": "99999"})
    assert wrong.value.problems == [
        "IDP_ISUER is not a setting. Did you mean IDP_ISSUER?",
        "IDP_PORT: '99999' is not a whole number from 1 to 65535.",
        (
            "IDP_ISSUER is not set. Set it to the address people and relying parties reach this provider at, "
            "such as https://id.example.nhs.uk"
        ),
        (
            "IDP_DATABASE_URL is not set. Set it to sqlite:////var/lib/idp/idp.db or "
            "postgresql+psycopg://USER@HOST/NAME"
        ),
        "IDP_KEYS_DIR is not set. Set it to the folder that idp key init made.",
    ]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("IDP_SECURITY_KEY_MODELS", "a key", "is not a list of AAGUIDs"),
        ("IDP_PASSKEY_ATTESTATION", "direct", "is not one of optional, required"),
        ("IDP_CODES_PER_TEN_MINUTES", "0", "is not a whole number from 1"),
        ("IDP_ISSUER", "id.example.nhs.uk", "is not an address"),
        ("IDP_ISSUER", "https://id.example.nhs.uk/", "without a path or a slash"),
        ("IDP_ISSUER", "https://id.example.nhs.uk/realm", "without a path or a slash"),
        ("IDP_ISSUER", "https://user@id.example.nhs.uk", "scheme and host alone"),
        ("IDP_ISSUER", "http://id.example.nhs.uk", "is not encrypted"),
        ("IDP_DATABASE_URL", "mysql://x", "Use sqlite:///PATH or postgresql+psycopg://"),
        ("IDP_PORT", "0", "from 1 to 65535"),
        ("IDP_PORT", "٨٠", "from 1 to 65535"),
        ("IDP_BRAND", "NHS", "is not one of neutral, nhs"),
        ("IDP_LOG_LEVEL", "verbose", "is not one of DEBUG"),
        ("IDP_TRUSTED_PROXIES", "10.0.0.1/8", "Write addresses or networks with commas"),
        ("IDP_HASH_MEMORY_KIB", "1024", "from 12288"),
        ("IDP_HASH_PASSES", "1", "Use 47104 or more"),
        ("IDP_SESSION_IDLE", "60000", "longer than IDP_SESSION_ABSOLUTE"),
        ("IDP_COOKIE_PREFIX", "a;b", "letters, digits"),
        ("IDP_OUTBOX_DIR", "/var/mail", "for localhost alone"),
        ("IDP_REDIS_URL", "redis://x", "is not a setting"),
        ("IDP_SMTP_URL", "smtp://mail.example.nhs.uk", "needs IDP_MAIL_FROM"),
        ("IDP_MAIL_FROM", "ESR <no-reply@esr.example>", "IDP_MAIL_FROM"),
        ("IDP_ADMIN_EMAIL", "a@esr.example, b@", "IDP_ADMIN_EMAIL"),
        ("IDP_SECOND_FACTOR", "sometimes", "is not one of when_enrolled, outside, always"),
        ("IDP_TRUSTED_DEVICE", "60", "from 3600"),
        ("IDP_PASSWORD_PROFILE", "strong", "is not one of esr, esr-2021, nist-800-63b-4"),
        ("IDP_PASSWORD_LENGTH", "7", "from 8 to 64"),
        ("IDP_PASSWORD_SEQUENCE", "2", "Use 3 to 10, or 0"),
        ("IDP_PASSWORD_HISTORY", "25", "from 0 to 24"),
        ("IDP_RECOVERY_PER_HOUR", "0", "from 1"),
        ("IDP_RESET_LINK_LIFETIME", "60", "from 600"),
        ("IDP_METRICS_NETWORKS", "prometheus", "Write addresses or networks with commas"),
        ("IDP_SMARTCARD_ORIGIN", "http://localhost:8443", "use https"),
        ("IDP_SMARTCARD_ORIGIN", "https://id.example.nhs.uk", "a host name or a port of its own"),
        ("IDP_SMARTCARD_CERTIFICATE", "/etc/idp/tls.pem", "Set both"),
        ("IDP_SMARTCARD_PROXIES", "proxy", "Write addresses or networks with commas"),
        ("IDP_SMARTCARD_NUMBER_FROM", "cn", "is not one of subject-serial-number, san-upn, nowhere"),
        ("IDP_CRL_FETCH_EVERY", "1", "from 60"),
        ("IDP_CRL_GRACE_AAL3", "60", "longer than IDP_CRL_GRACE_AAL2"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(name: str, value: str, problem: str) -> None:
    [said] = problems(**{name: value})
    assert said.startswith(name.removesuffix("_PASSES")) or name == "IDP_HASH_PASSES"
    assert problem in said


def test_plain_http_and_a_mailbox_are_for_localhost() -> None:
    settings = load({**RIGHT, "IDP_ISSUER": "http://localhost:8000", "IDP_OUTBOX_DIR": "mail"})
    assert settings.outbox_dir == Path("mail")


def test_values_are_read_as_what_they_are() -> None:
    settings = load({**RIGHT, "IDP_SESSION_IDLE": "900", "IDP_TRUSTED_NETWORKS": "10.0.0.0/8, 2001:db8::/32"})
    assert settings.session_idle == timedelta(minutes=15)
    assert settings.trusted_networks == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def test_mail_goes_one_way() -> None:
    local = {
        **RIGHT,
        "IDP_ISSUER": "http://localhost:8000",
        "IDP_OUTBOX_DIR": "mail",
        "IDP_SMTP_URL": "smtp://localhost:25",
        "IDP_MAIL_FROM": "no-reply@esr.example",
    }
    with pytest.raises(SettingsWrong) as wrong:
        load(local)
    assert wrong.value.problems == ["IDP_SMTP_URL and IDP_OUTBOX_DIR both say where mail goes. Remove one."]


def test_the_password_of_a_mail_server_is_not_repeated() -> None:
    [said] = problems(IDP_SMTP_URL="http://user:hunter22@mail", IDP_MAIL_FROM="no-reply@esr.example")
    assert "hunter22" not in said


def test_one_speaks_tls_with_browsers() -> None:
    [said] = problems(
        IDP_SMARTCARD_CERTIFICATE="/etc/idp/tls.pem",
        IDP_SMARTCARD_KEY="/etc/idp/tls.key",
        IDP_SMARTCARD_PROXIES="10.0.0.1",
    )
    assert "Remove one." in said


def test_smartcards_are_off_until_they_have_an_origin() -> None:
    assert load(RIGHT).smartcard_origin is None
    given = {**RIGHT, "IDP_SMARTCARD_ORIGIN": "https://card.example.nhs.uk", "IDP_CRL_GRACE_AAL2": "3600"}
    settings = load({**given, "IDP_SMARTCARD_NUMBER_FROM": "san-upn"})
    assert settings.smartcard_origin == "https://card.example.nhs.uk"
    assert settings.smartcard_number_from is NumberFrom.SAN_UPN
    assert (settings.crl_grace_aal2, settings.crl_grace_aal3) == (timedelta(hours=1), timedelta(0))


def test_care_identity_is_off_until_all_three_are_set(care_identity: dict[str, str]) -> None:
    assert load(RIGHT).care_identity_issuer is None
    settings = load({**RIGHT, **care_identity})
    assert settings.care_identity_issuer == "https://am.nhsidentity.example/openam/oauth2/realms/root"
    assert settings.care_identity_client_id == "999999999999.apps.national"
    assert settings.care_identity_key == Path(care_identity["IDP_CARE_IDENTITY_KEY"])
    assert settings.care_identity_acr_values == ("AAL3_ANY",)
    assert settings.care_identity_max_age == timedelta(0)


def test_care_identity_is_asked_for_what_is_set(care_identity: dict[str, str]) -> None:
    asked = {"IDP_CARE_IDENTITY_ACR_VALUES": "AAL3_ANY, AAL2_ANY", "IDP_CARE_IDENTITY_MAX_AGE": "600"}
    settings = load({**RIGHT, **care_identity, **asked})
    assert settings.care_identity_acr_values == ("AAL3_ANY", "AAL2_ANY")
    assert settings.care_identity_max_age == timedelta(minutes=10)


@pytest.mark.parametrize("missing", ["ISSUER", "CLIENT_ID", "KEY"])
def test_care_identity_is_whole_or_not_there(care_identity: dict[str, str], missing: str) -> None:
    del care_identity[f"IDP_CARE_IDENTITY_{missing}"]
    [said] = problems(**care_identity)
    assert said.endswith(f" needs IDP_CARE_IDENTITY_{missing} too. Set all three, or none.")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ISSUER", "http://am.nhsidentity.example", "must begin with https://"),
        ("ISSUER", "am.nhsidentity.example", "is not an http or https address"),
        ("KEY", "/nowhere/key.pem", "/nowhere/key.pem cannot be read: No such file or directory."),
        ("ACR_VALUES", "AAL1_USERPASS", "is not one of AAL2_ANY, AAL2_OR_AAL3_ANY, AAL3_ANY."),
        ("MAX_AGE", "-1", "is not a whole number from 0 to 86400."),
    ],
)
def test_care_identity_is_not_set_to_what_cannot_be(
    care_identity: dict[str, str], name: str, value: str, said: str
) -> None:
    [problem] = problems(**{**care_identity, f"IDP_CARE_IDENTITY_{name}": value})
    assert problem.startswith(f"IDP_CARE_IDENTITY_{name}: ")
    assert said in problem


def test_the_key_for_care_identity_is_nobody_elses(care_identity: dict[str, str]) -> None:
    Path(care_identity["IDP_CARE_IDENTITY_KEY"]).chmod(0o644)
    [said] = problems(**care_identity)
    assert "is open to other users. Run `chmod 600 " in said


@pytest.fixture
def care_identity(tmp_path: Path) -> dict[str, str]:
    """All that NHS Care Identity needs."""
    return {
        "IDP_CARE_IDENTITY_ISSUER": "https://am.nhsidentity.example/openam/oauth2/realms/root",
        "IDP_CARE_IDENTITY_CLIENT_ID": "999999999999.apps.national",
        "IDP_CARE_IDENTITY_KEY": str(client_key(tmp_path)),
    }


def test_the_secret_of_a_proxy_is_long_and_never_repeated() -> None:
    secret = "7d9f" * 8
    given = {**RIGHT, "IDP_SMARTCARD_PROXIES": "10.0.0.7", "IDP_SMARTCARD_PROXY_SECRET": secret}
    settings = load(given)
    assert settings.smartcard_proxy_secret == secret
    assert secret not in repr(settings)
    for wrong in (secret[1:], f"{secret[1:]} ", f"{secret};"):
        with pytest.raises(SettingsWrong) as raised:
            load({**given, "IDP_SMARTCARD_PROXY_SECRET": wrong})
        (problem,) = raised.value.problems
        assert "32 letters and digits" in problem
        assert wrong not in problem
    with pytest.raises(SettingsWrong, match="needs IDP_SMARTCARD_PROXIES"):
        load({**RIGHT, "IDP_SMARTCARD_PROXY_SECRET": secret})


def test_security_keys_need_those_who_vouch_for_them(tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(Vendor().root_pem + Vendor("Keys of York").root_pem)
    models = "2fc0579f-8113-47ea-b116-bb5a8db9202a, 9c835346796b4c278898d6032f515cc5"
    given = {
        **RIGHT,
        "IDP_SECURITY_KEY_ROOTS": str(roots),
        "IDP_SECURITY_KEY_MODELS": models,
        "IDP_PASSKEY_ATTESTATION": "required",
    }

    settings = load(given)

    assert settings.security_key_roots == roots
    assert settings.security_key_models == {
        UUID("2fc0579f-8113-47ea-b116-bb5a8db9202a"),
        UUID("9c835346-796b-4c27-8898-d6032f515cc5"),
    }
    assert settings.passkey_attestation == "required"
    del given["IDP_SECURITY_KEY_ROOTS"]
    with pytest.raises(SettingsWrong) as wrong:
        load(given)
    needs = "needs IDP_SECURITY_KEY_ROOTS, the certificates of those who vouch for security keys. Set it."
    assert wrong.value.problems == [
        f"IDP_SECURITY_KEY_MODELS {needs}",
        f"IDP_PASSKEY_ATTESTATION=required {needs}",
    ]


def test_a_file_of_those_who_vouch_is_read_at_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "roots.pem"
    wrong.write_text("nothing")
    assert problems(IDP_SECURITY_KEY_ROOTS=str(wrong)) == [
        "IDP_SECURITY_KEY_ROOTS: The file holds no certificate in PEM."
    ]
    leaf = load_der_x509_certificate(Vendor().chain(None)[0])
    wrong.write_bytes(Vendor().root_pem + leaf.public_bytes(Encoding.PEM))
    (problem,) = problems(IDP_SECURITY_KEY_ROOTS=str(wrong))
    assert problem.endswith("in the file is not a certificate authority: it vouches for nothing.")
    (problem,) = problems(IDP_SECURITY_KEY_ROOTS=str(tmp_path / "gone.pem"))
    assert "No such file" in problem


def test_lists_are_read_as_their_parts() -> None:
    settings = load(
        {**RIGHT, "IDP_ADMIN_EMAIL": "a@esr.example, b@esr.example", "IDP_PASSWORD_WORDS": "harbour, ,quay"}
    )
    assert settings.admin_email == ("a@esr.example", "b@esr.example")
    assert settings.password_words == ("harbour", "quay")


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://idp:secret@db/idp\n")
    given = {**RIGHT, "IDP_DATABASE_URL": "", "IDP_DATABASE_URL_FILE": str(secret)}
    assert load(given).database_url == "postgresql+psycopg://idp:secret@db/idp"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in problems(IDP_KEYS_DIR_FILE=str(tmp_path / "none"))[0]


def test_a_folder_gives_defaults_and_the_environment_wins(tmp_path: Path) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in RIGHT.items())
    (tmp_path / "settings.env").write_text(f"# a demo\n\n{lines}IDP_PORT=9000\n")
    assert load({}, tmp_path).port == 9000
    assert load({"IDP_DATA": str(tmp_path), "IDP_PORT": "9001"}).port == 9001


def test_a_folder_without_settings_is_no_folder_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        load({}, tmp_path)
    assert "Point --data at a folder idp demo made." in wrong.value.problems[0]

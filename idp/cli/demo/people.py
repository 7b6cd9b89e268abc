"""Who is in the demo: two employers, and people who each show one thing.

The passwords, the key of an authenticator app and the recovery codes are fixed and printed, so they protect
nothing: a demo answers this machine alone. The passwords satisfy the default policy all the same.
"""

# ruff: noqa: S106 - the passwords are the demo's, and printed

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Standing(StrEnum):
    """How an account stands when the demo begins."""

    ACTIVE = "active"
    PENDING = "pending"
    THROTTLED = "throttled"
    MUST_CHANGE_PASSWORD = "must_change_password"  # noqa: S105 - the name of a state
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Employer:
    """An employer; `service_desk` is whom its staff call."""

    code: str
    name: str
    ods_code: str
    locality: str
    service_desk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One account. The same `email` and `date_of_birth` make the same person.

    `totp_secret` is the key of an authenticator app that is set up already, in base 32.
    """

    username: str
    password: str | None
    given_name: str | None
    family_name: str
    email: str
    date_of_birth: str
    job_title: str
    locality: str
    note: str
    standing: Standing = Standing.ACTIVE
    language: str = "en"
    totp_secret: str | None = None
    recovery_codes: tuple[str, ...] = ()

    @property
    def employer(self) -> str:
        """The employer's code, which every username begins with."""
        return self.username[:3]

    @property
    def name(self) -> str:
        """The name as it is read out."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


EMPLOYERS: Final = (
    Employer(
        "918",
        "NHS Blood and Transplant",
        "T1460",
        "Bristol",
        "NHSBT service desk, 0117 496 0123, service.desk@nhsbt.example",
    ),
    Employer(
        "432",
        "East Suffolk and North Essex NHS Foundation Trust",
        "RDE",
        "Ipswich",
        "ESNEFT service desk, 01632 960 432, service.desk@esneft.example",
    ),
)

PEOPLE: Final = (
    Persona(
        username="918JSMITH01",
        password="Marble-Tango-58",
        given_name="Jane",
        family_name="Smith",
        email="jane.smith@nhsbt.example",
        date_of_birth="1984-02-29",
        job_title="Staff Nurse",
        locality="Bristol",
        note="an everyday nurse: begin with her",
    ),
    Persona(
        username="918PPATEL01",
        password="Indigo-Basket-73",
        given_name="Priya",
        family_name="Patel",
        email="priya.patel@nhsbt.example",
        date_of_birth="1990-07-14",
        job_title="Biomedical Scientist",
        locality="Colindale",
        note="works for two employers: her account at the first",
    ),
    Persona(
        username="432PPATEL01",
        password="Timber.Kite.42",
        given_name="Priya",
        family_name="Patel",
        email="priya.patel@nhsbt.example",
        date_of_birth="1990-07-14",
        job_title="Phlebotomist",
        locality="Ipswich",
        note="the same person's account at the second employer",
    ),
    Persona(
        username="432TNOWAK01",
        password=None,
        given_name="Tomasz",
        family_name="Nowak",
        email="tomasz.nowak@esneft.example",
        date_of_birth="1997-11-03",
        job_title="Healthcare Assistant",
        locality="Colchester",
        note="has just joined and never activated the account",
        standing=Standing.PENDING,
    ),
    Persona(
        username="918GOKAFOR01",
        password="Velvet-Harp-39",
        given_name="Grace",
        family_name="Okafor",
        email="grace.okafor@nhsbt.example",
        date_of_birth="1979-05-21",
        job_title="Donor Carer",
        locality="Leeds",
        note="throttled: after too many wrong guesses even the right password is not heard",
        standing=Standing.THROTTLED,
    ),
    Persona(
        username="432DHUGHES01",
        password="Quartz-Lemon-64",
        given_name="Daniel",
        family_name="Hughes",
        email="daniel.hughes@esneft.example",
        date_of_birth="1988-12-09",
        job_title="Radiographer",
        locality="Colchester",
        note="must change the password before anything opens",
        standing=Standing.MUST_CHANGE_PASSWORD,
    ),
    Persona(
        username="918ABELLO01",
        password="Cobalt.Fern.27",
        given_name="Amara",
        family_name="Bello",
        email="amara.bello@nhsbt.example",
        date_of_birth="1975-03-17",
        job_title="Consultant Haematologist",
        locality="Oxford",
        note="a consultant, who is asked for a code of an authenticator app as well",
        totp_secret="CDHY4AW7RGTCPUTFHWNZ52QC2RTIEH6I",
        recovery_codes=(
            "0-Z8XDW-26PNJ-KY8ZS-K",
            "1-93S82-2N4MZ-TPKYG-D",
            "2-SZS0W-4P2CF-GA924-J",
            "3-9NFME-M9JAH-DD3SY-B",
            "4-G2C4Y-78W0F-XSRB9-6",
            "5-X56SN-VVEK4-2G2JR-5",
            "6-RY1PD-FNVRQ-PXSGW-D",
            "7-FA55W-P42CC-17518-H",
            "8-WMDMX-T7EZ0-AKX7Z-3",
            "9-RW25E-XAFM4-EKZZ6-N",
        ),
    ),
    Persona(
        username="432RCLARKE01",
        password="Walnut+Drum=16",
        given_name="Robert",
        family_name="Clarke",
        email="robert.clarke@esneft.example",
        date_of_birth="1969-08-30",
        job_title="Registration Authority Agent",
        locality="Ipswich",
        note="a registration authority agent with a smartcard",
    ),
    Persona(
        username="918HMARSH01",
        password="Magnet_Violin_19",
        given_name="Helen",
        family_name="Marsh",
        email="helen.marsh@nhsbt.example",
        date_of_birth="1982-01-25",
        job_title="Service Desk Agent",
        locality="Bristol",
        note="works at the service desk",
    ),
    Persona(
        username="432SONEILL01",
        password="Amber-Rocket-63",
        given_name="Siobhán",
        family_name="O'Neill",
        email="siobhan.oneill@esneft.example",
        date_of_birth="1993-04-02",
        job_title="Midwife",
        locality="Ipswich",
        note="a name with an apostrophe",
    ),
    Persona(
        username="918MPENGWERN01",
        password="Cedar.Piano.57",
        given_name="Mair",
        family_name="Pengŵern",
        email="mair.pengwern@nhsbt.example",
        date_of_birth="1986-10-11",
        job_title="Donor Services Manager",
        locality="Cardiff",
        note="a name with ŵ; prefers Welsh",
        language="cy",
    ),
    Persona(
        username="432SSURYANI01",
        password="Falcon-Tulip-48",
        given_name=None,
        family_name="Suryani",
        email="suryani@esneft.example",
        date_of_birth="1995-06-19",
        job_title="Pharmacist",
        locality="Colchester",
        note="a mononym",
    ),
    Persona(
        username="918KDOYLE01",
        password="Plum-Castle-85",
        given_name="Kevin",
        family_name="Doyle",
        email="kevin.doyle@nhsbt.example",
        date_of_birth="1972-09-08",
        job_title="Driver",
        locality="Manchester",
        note="disabled by an administrator",
        standing=Standing.DISABLED,
    ),
)

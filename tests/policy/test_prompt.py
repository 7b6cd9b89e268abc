import pytest

from idp.policy import prompt
from idp.policy.prompt import Prompt
from idp.policy.refusal import Refused


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, set(), id="absent asks nothing"),
        pytest.param("", set(), id="empty is absent"),
        pytest.param("none", {Prompt.NONE}, id="none alone"),
        pytest.param("login", {Prompt.LOGIN}, id="one value"),
        pytest.param("consent login", {Prompt.LOGIN, Prompt.CONSENT}, id="two values in any order"),
        pytest.param("login  select_account", {Prompt.LOGIN, Prompt.SELECT_ACCOUNT}, id="two spaces"),
        pytest.param("login login", {Prompt.LOGIN}, id="a value twice"),
    ],
)
def test_prompt_is_read(value: str | None, expected: set[Prompt]) -> None:
    assert prompt.parse(value) == frozenset(expected)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("create", id="a value we do not know"),
        pytest.param("Login", id="values are case-sensitive"),
        pytest.param("login\tconsent", id="only spaces separate"),
        pytest.param("none login", id="none with another value"),
    ],
)
def test_prompt_is_refused(value: str) -> None:
    refused = prompt.parse(value)
    assert isinstance(refused, Refused)
    assert refused.error == "invalid_request"

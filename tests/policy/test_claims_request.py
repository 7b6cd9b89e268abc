import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.claims_request import AcrClaim, ClaimsRequest, parse
from idp.policy.refusal import Refused

# OpenID Connect Core §5.5 has this one as its example.
OF_THE_SPECIFICATION = """
  {
   "userinfo":
    {
     "given_name": {"essential": true},
     "nickname": null,
     "email": {"essential": true},
     "email_verified": {"essential": true},
     "picture": null,
     "http://example.info/claims/groups": null
    },
   "id_token":
    {
     "auth_time": {"essential": true},
     "acr": {"values": ["urn:mace:incommon:iap:silver"] }
    }
  }
"""


def acr(*values: str, essential: bool = False) -> ClaimsRequest:
    return ClaimsRequest(acr=AcrClaim(values, is_essential=essential))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ClaimsRequest()),
        ("", ClaimsRequest()),
        ("{}", ClaimsRequest()),
        ('{"id_token":null,"userinfo":null}', ClaimsRequest()),
        ('{"verified_claims":[1],"id_token":{"picture":null}}', ClaimsRequest()),
        (OF_THE_SPECIFICATION, acr("urn:mace:incommon:iap:silver")),
        ('{"id_token":{"acr":null}}', acr()),
        ('{"id_token":{"acr":{}}}', acr()),
        ('{"id_token":{"acr":{"essential":true}}}', acr(essential=True)),
        ('{"id_token":{"acr":{"essential":true,"value":"AAL3_ANY"}}}', acr("AAL3_ANY", essential=True)),
        (
            '{"id_token":{"acr":{"essential":true,"values":["AAL2_TOTP","AAL3_ANY"]}}}',
            acr("AAL2_TOTP", "AAL3_ANY", essential=True),
        ),
        (
            '{"id_token":{"acr":{"essential":false,"value":"AAL2_TOTP","values":["AAL3_ANY","AAL2_TOTP"]}}}',
            acr("AAL2_TOTP", "AAL3_ANY"),
        ),
        ('{"id_token":{"acr":{"values":[],"purpose":"pay"}}}', acr()),
        # Only the ID Token tells of the sign-in.
        ('{"userinfo":{"acr":{"essential":true,"value":"AAL3_ANY"},"sub":{"value":"x"}}}', ClaimsRequest()),
        ('{"id_token":{"sub":null}}', ClaimsRequest()),
        ('{"id_token":{"sub":{"value":"248289761001"}}}', ClaimsRequest(sub="248289761001")),
        ('{"id_token":{"sub":{"values":["248289761001"]}}}', ClaimsRequest(sub="248289761001")),
        ('{"userinfo":{"name":{"value":"Siân ŵ"}}}', ClaimsRequest()),
    ],
)
def test_the_parameter_asks_for(text: str | None, found: ClaimsRequest) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "claims is not JSON"),
        ("acr", "claims is not JSON"),
        ('{"id_token":{"acr":{"value":NaN}}}', "claims is not JSON"),
        ('{"id_token":{"acr":{"value":' + "9" * 5000 + "}}}", "claims is not JSON"),
        ('{"a":"\x01"}', "claims is not JSON"),
        ("[]", "claims is not a JSON object"),
        ('"acr"', "claims is not a JSON object"),
        ("null", "claims is not a JSON object"),
        ("[" * 4000 + "]" * 4000, "claims is nested deeper than 20 levels"),
        ('{"a":' * 21 + "1" + "}" * 21, "claims is nested deeper than 20 levels"),
        ('{"id_token":{"acr":{"essential":true},"acr":null}}', "claims holds a member twice"),
        ('{"id_token":[]}', "claims has a id_token that is not an object"),
        ('{"userinfo":"email"}', "claims has a userinfo that is not an object"),
        ('{"id_token":{"acr":"AAL3_ANY"}}', "claims asks for id_token.acr with neither null nor an object"),
        ('{"userinfo":{"name":true}}', "claims asks for userinfo.name with neither null nor an object"),
        ('{"userinfo":{"na\\"me":1}}', "claims asks for a member with neither null nor an object"),
        (
            '{"id_token":{"acr":{"essential":"true"}}}',
            "claims has an essential that is not true or false, in id_token.acr",
        ),
        ('{"userinfo":{"name":{"essential":1}}}', "claims has an essential that is not true or false, in us"),
        (
            '{"id_token":{"acr":{"values":"AAL3_ANY"}}}',
            "claims has values that are not an array, in id_token",
        ),
        ('{"id_token":{"acr":{"values":[3]}}}', "claims has a value that is not a string, in id_token.acr"),
        ('{"id_token":{"acr":{"value":null}}}', "claims has a value that is not a string, in id_token.acr"),
        ('{"id_token":{"sub":{"value":5}}}', "claims has a value that is not a string, in id_token.sub"),
        ('{"id_token":{"sub":{"values":["a","b"]}}}', "claims asks for more than one id_token.sub"),
        (
            json.dumps({"id_token": {"acr": {"values": [str(n) for n in range(21)]}}}),
            "claims has over 20 values, in id_token.acr",
        ),
    ],
)
def test_what_is_malformed_is_refused(text: str, problem: str) -> None:
    refused = parse(text)
    assert isinstance(refused, Refused)
    assert refused.error == "invalid_request"
    assert refused.description.startswith(problem)


def test_twenty_levels_are_not_too_many() -> None:
    assert parse('{"a":' * 20 + "1" + "}" * 20) == ClaimsRequest()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["AAL2_ANY"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id_token", "userinfo", "acr", "sub", "essential", "value", "values"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(anything)
def test_whatever_comes_is_read_or_refused_in_words_that_may_be_sent(value: object) -> None:
    found = parse(json.dumps(value))
    if isinstance(found, Refused):
        # RFC 6749 §4.1.2.1.
        assert all(" " <= character <= "~" and character not in '"\\' for character in found.description)

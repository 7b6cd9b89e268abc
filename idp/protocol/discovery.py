"""The metadata documents: what this provider does, and where.

OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3, OpenID Connect RP-Initiated Logout §2.1. Only what is
built is named.
"""

from typing import Any

from idp.policy import claims, scope
from idp.policy.assurance import Acr
from idp.policy.client_metadata import AssertionAlg, AuthMethod, GrantType, SubjectType
from idp.policy.prompt import Prompt
from idp.protocol.keyring import ALGORITHMS
from idp.protocol.response import ResponseMode

_METHODS = [method.value for method in AuthMethod]
_CONFIDENTIAL = [method.value for method in AuthMethod if method is not AuthMethod.NONE]
_ASSERTIONS = [alg.value for alg in AssertionAlg]


def document(issuer: str) -> dict[str, Any]:
    """The same object serves both well-known addresses."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks.json",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "end_session_endpoint": f"{issuer}/logout",
        "scopes_supported": list(scope.SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": [mode.value for mode in ResponseMode],
        "grant_types_supported": [grant.value for grant in GrantType],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": [kind.value for kind in SubjectType],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": _METHODS,
        "token_endpoint_auth_signing_alg_values_supported": _ASSERTIONS,
        "revocation_endpoint_auth_methods_supported": _METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": _ASSERTIONS,
        "introspection_endpoint_auth_methods_supported": _CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": _ASSERTIONS,
        "acr_values_supported": [value.value for value in Acr],
        "prompt_values_supported": [value.value for value in Prompt],
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *("iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
            *(claim for names in claims.CLAIMS.values() for claim in names),
        ],
        "ui_locales_supported": ["en", "cy"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }

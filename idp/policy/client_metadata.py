"""Read what a client registers, and write it back.

RFC 7591 §2 and §2.1, OpenID Connect Registration §2, RP-Initiated Logout §3.1, RFC 9700 §2.1. All that is
wrong is reported at once. Members that nobody knows are dropped (RFC 7591 §2), those that ask for what this
provider does not do are refused. `access_token_signed_response_alg`, `require_pkce`, `first_party` and
`minimum_acr` are ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from idp.policy import public_jwks, redirect_uri
from idp.policy import scope as scopes
from idp.policy.assurance import Acr
from idp.policy.metadata_reader import Problem, Reader
from idp.policy.public_jwks import Jwks

__all__ = [
    "ApplicationType",
    "AssertionAlg",
    "AuthMethod",
    "ClientMetadata",
    "GrantType",
    "MinimumAcr",
    "Problem",
    "SigningAlg",
    "SubjectType",
    "parse",
    "to_json",
]


class GrantType(StrEnum):
    """Grants of RFC 6749 that the token endpoint knows."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant, no secret
    CLIENT_CREDENTIALS = "client_credentials"


class AuthMethod(StrEnum):
    """How a client proves itself at the token endpoint; `NONE` is a public client."""

    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the name of a method, no secret
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 - the name of a method, no secret
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"


class SigningAlg(StrEnum):
    """Algorithms that we sign with."""

    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


class AssertionAlg(StrEnum):
    """Algorithms that a client may sign its assertions with."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


class SubjectType(StrEnum):
    """Whether clients see one `sub` of a person or each sector its own (OpenID Connect Core §8)."""

    PUBLIC = "public"
    PAIRWISE = "pairwise"


class ApplicationType(StrEnum):
    """Where a client runs; it decides which redirect URIs it may have."""

    WEB = "web"
    NATIVE = "native"


class MinimumAcr(StrEnum):
    """The least assurance a client may be content with; only these values of `acr` mean "or better"."""

    AAL1_USERPASS = Acr.AAL1_USERPASS.value
    AAL2_OR_AAL3_ANY = Acr.AAL2_OR_AAL3_ANY.value
    AAL3_ANY = Acr.AAL3_ANY.value


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """A registration that is sound; the defaults are those of an absent member."""

    client_name: str
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: frozenset[GrantType] = frozenset({GrantType.AUTHORIZATION_CODE})
    response_types: tuple[str, ...] = ("code",)
    scope: frozenset[str] = scopes.DEFAULT
    token_endpoint_auth_method: AuthMethod = AuthMethod.CLIENT_SECRET_BASIC
    token_endpoint_auth_signing_alg: AssertionAlg | None = None
    jwks: Jwks | None = field(default=None, hash=False)
    id_token_signed_response_alg: SigningAlg = SigningAlg.RS256
    access_token_signed_response_alg: SigningAlg = SigningAlg.ES256
    subject_type: SubjectType = SubjectType.PUBLIC
    sector_identifier_uri: str | None = None
    application_type: ApplicationType = ApplicationType.WEB
    default_max_age: timedelta | None = None
    default_acr_values: tuple[str, ...] = ()
    minimum_acr: MinimumAcr | None = None
    require_auth_time: bool = False
    initiate_login_uri: str | None = None
    client_uri: str | None = None
    contacts: tuple[str, ...] = ()
    require_pkce: bool = True
    first_party: bool = False

    @property
    def is_public(self) -> bool:
        """Whether the client has nothing to prove itself with (RFC 6749 §2.1)."""
        return self.token_endpoint_auth_method is AuthMethod.NONE

    @property
    def is_native(self) -> bool:
        """Whether the client is an application on the person's device (RFC 8252)."""
        return self.application_type is ApplicationType.NATIVE

    @property
    def sector_identifier(self) -> str | None:
        """The host whose clients see the same pairwise `sub`; a pairwise client always has one.

        OpenID Connect Core §8.1. The document at `sector_identifier_uri` is not fetched: an administrator
        vouches for it.
        """
        if self.sector_identifier_uri:
            return redirect_uri.host(self.sector_identifier_uri)
        return next(iter(_hosts(self.redirect_uris)), None)


_PLAIN_REQUEST = "is not supported; send the parameters of the request themselves"
_PLAIN_ID_TOKEN = "is not supported; ID Tokens are signed, and travel over TLS"  # noqa: S105 - a sentence, no secret
_PLAIN_USERINFO = "is not supported; userinfo answers in JSON, over TLS"
_UNSUPPORTED: Final = {
    "jwks_uri": "is not fetched; give the public keys themselves as jwks",
    "request_uris": _PLAIN_REQUEST,
    "request_object_signing_alg": _PLAIN_REQUEST,
    "request_object_encryption_alg": _PLAIN_REQUEST,
    "request_object_encryption_enc": _PLAIN_REQUEST,
    "require_signed_request_object": _PLAIN_REQUEST,
    "id_token_encrypted_response_alg": _PLAIN_ID_TOKEN,
    "id_token_encrypted_response_enc": _PLAIN_ID_TOKEN,
    "userinfo_signed_response_alg": _PLAIN_USERINFO,
    "userinfo_encrypted_response_alg": _PLAIN_USERINFO,
    "userinfo_encrypted_response_enc": _PLAIN_USERINFO,
}

_KTY_OF: Final = {
    AssertionAlg.RS256: "RSA",
    AssertionAlg.PS256: "RSA",
    AssertionAlg.ES256: "EC",
    AssertionAlg.EDDSA: "OKP",
}

_LONGEST_NAME: Final = 100
_UNNAMED: Final = "Unnamed client"


def parse(json: Mapping[str, object]) -> ClientMetadata | tuple[Problem, ...]:
    """Read a JSON object of client metadata; a member that is null counts as absent.

    Returns every problem there is. Without a `client_name`, the host of a redirect URI names the client.
    """
    reader = Reader(json)
    reader.refuse_members(_UNSUPPORTED)
    metadata = _read(reader)
    known = {problem.field for problem in reader.problems}
    contradictions = [problem for problem in _contradictions(metadata) if problem.field not in known]
    return (*reader.problems, *contradictions) or metadata


def to_json(metadata: ClientMetadata) -> dict[str, object]:
    """Write `metadata` as the JSON object that `parse` reads; what is absent is left out."""
    max_age = metadata.default_max_age
    members: dict[str, object] = {
        "client_name": metadata.client_name,
        "redirect_uris": list(metadata.redirect_uris),
        "post_logout_redirect_uris": list(metadata.post_logout_redirect_uris),
        "grant_types": [grant for grant in GrantType if grant in metadata.grant_types],
        "response_types": list(metadata.response_types),
        "scope": scopes.ordered(metadata.scope),
        "token_endpoint_auth_method": metadata.token_endpoint_auth_method,
        "token_endpoint_auth_signing_alg": metadata.token_endpoint_auth_signing_alg,
        "jwks": metadata.jwks,
        "id_token_signed_response_alg": metadata.id_token_signed_response_alg,
        "access_token_signed_response_alg": metadata.access_token_signed_response_alg,
        "subject_type": metadata.subject_type,
        "sector_identifier_uri": metadata.sector_identifier_uri,
        "application_type": metadata.application_type,
        "default_max_age": None if max_age is None else int(max_age.total_seconds()),
        "default_acr_values": list(metadata.default_acr_values),
        "minimum_acr": metadata.minimum_acr,
        "require_auth_time": metadata.require_auth_time,
        "initiate_login_uri": metadata.initiate_login_uri,
        "client_uri": metadata.client_uri,
        "contacts": list(metadata.contacts),
        "require_pkce": metadata.require_pkce,
        "first_party": metadata.first_party,
    }
    return {name: value for name, value in members.items() if value is not None}


def _read(reader: Reader) -> ClientMetadata:
    application_type = reader.choice("application_type", ApplicationType) or ApplicationType.WEB
    native = application_type is ApplicationType.NATIVE
    named = reader.text("client_name", _LONGEST_NAME)
    redirect_uris = reader.uris("redirect_uris", native=native)
    post_logout_redirect_uris = reader.uris("post_logout_redirect_uris", native=native)
    granted = reader.choices("grant_types", tuple(GrantType))
    grant_types = frozenset(map(GrantType, ("authorization_code",) if granted is None else granted))
    has_code = GrantType.AUTHORIZATION_CODE in grant_types
    response_types = reader.choices("response_types", ("code",))
    return ClientMetadata(
        client_name=named or next(iter(_hosts(redirect_uris)), _UNNAMED)[:_LONGEST_NAME],
        redirect_uris=redirect_uris,
        post_logout_redirect_uris=post_logout_redirect_uris,
        grant_types=grant_types,
        response_types=(("code",) if has_code else ()) if response_types is None else response_types,
        scope=reader.scope(absent=scopes.DEFAULT if has_code else frozenset()),
        token_endpoint_auth_method=reader.choice("token_endpoint_auth_method", AuthMethod)
        or AuthMethod.CLIENT_SECRET_BASIC,
        token_endpoint_auth_signing_alg=reader.choice("token_endpoint_auth_signing_alg", AssertionAlg),
        jwks=reader.jwks(),
        id_token_signed_response_alg=reader.choice("id_token_signed_response_alg", SigningAlg)
        or SigningAlg.RS256,
        access_token_signed_response_alg=reader.choice("access_token_signed_response_alg", SigningAlg)
        or SigningAlg.ES256,
        subject_type=reader.choice("subject_type", SubjectType) or SubjectType.PUBLIC,
        sector_identifier_uri=reader.uri("sector_identifier_uri"),
        application_type=application_type,
        default_max_age=reader.seconds("default_max_age"),
        default_acr_values=reader.choices("default_acr_values", tuple(Acr)) or (),
        minimum_acr=reader.choice("minimum_acr", MinimumAcr),
        require_auth_time=reader.flag("require_auth_time", absent=False),
        initiate_login_uri=reader.uri("initiate_login_uri"),
        client_uri=reader.uri("client_uri"),
        contacts=reader.strings("contacts") or (),
        require_pkce=reader.flag("require_pkce", absent=True),
        first_party=reader.flag("first_party", absent=False),
    )


def _contradictions(metadata: ClientMetadata) -> Iterator[Problem]:
    yield from _grant_contradictions(metadata)
    yield from _key_contradictions(metadata)
    if metadata.is_public and not metadata.require_pkce:
        yield Problem("require_pkce", "cannot be false for a public client (RFC 9700 §2.1.1)")
    if metadata.subject_type is SubjectType.PAIRWISE and not metadata.sector_identifier_uri:
        hosts = _hosts(metadata.redirect_uris)
        if len(hosts) != 1:
            yield Problem(
                "sector_identifier_uri",
                "is needed for pairwise subjects unless redirect_uris share one host",
            )


def _grant_contradictions(metadata: ClientMetadata) -> Iterator[Problem]:
    has_code = GrantType.AUTHORIZATION_CODE in metadata.grant_types
    if not metadata.grant_types:
        yield Problem("grant_types", f"must hold at least one of: {', '.join(GrantType)}")
    if GrantType.REFRESH_TOKEN in metadata.grant_types and not has_code:
        yield Problem("grant_types", "cannot hold refresh_token without authorization_code")
    if GrantType.CLIENT_CREDENTIALS in metadata.grant_types and metadata.is_public:
        yield Problem("grant_types", "cannot hold client_credentials for a public client (RFC 6749 §4.4)")
    if has_code and not metadata.redirect_uris:
        yield Problem("redirect_uris", "must hold at least one URI for the grant authorization_code")
    if has_code != bool(metadata.response_types):
        yield Problem("response_types", "must hold code exactly when grant_types holds authorization_code")


def _key_contradictions(metadata: ClientMetadata) -> Iterator[Problem]:
    if metadata.token_endpoint_auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        return
    alg = metadata.token_endpoint_auth_signing_alg
    types = public_jwks.key_types(metadata.jwks) if metadata.jwks else frozenset()
    if not types:
        yield Problem("jwks", "must hold a public signature key for private_key_jwt")
    elif alg and _KTY_OF[alg] not in types:
        yield Problem("token_endpoint_auth_signing_alg", f"needs a key of the kty {_KTY_OF[alg]} in jwks")


def _hosts(uris: tuple[str, ...]) -> list[str]:
    return sorted({host for uri in uris if (host := redirect_uri.host(uri)) is not None})

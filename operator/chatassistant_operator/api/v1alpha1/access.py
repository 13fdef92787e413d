"""Who may ask an assistant."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches
from chatassistant_operator.api.v1alpha1.references import SecretEntryRef
from chatassistant_operator.api.v1alpha1.tools import URL


class TokenSecretRef(SecretEntryRef):
    """The entry of a Secret that holds an access token."""

    key: Annotated[str, Field(max_length=253)] = "token"
    """The entry's name in that Secret."""


class Oidc(ApiModel):
    """Whose tokens let a caller in, by OpenID Connect."""

    issuer: Annotated[str, Field(min_length=1, max_length=2048)]
    """The issuer's URL, as it stands in the tokens' `iss`; the operator's policy says which are allowed."""

    audience: Annotated[str, Field(min_length=1, max_length=253)]
    """What has to stand in the tokens' `aud`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches("issuer", URL, "must be an http or https URL without user, query or fragment"),
    )


class Access(ApiModel):
    """Who may ask."""

    mode: Literal["Token", "OIDC", "None"] = "Token"
    """Token lets in who shows the access token as `Authorization: Bearer`; OIDC who shows a token of the issuer; None
    anybody who reaches the Service."""

    token_secret_ref: TokenSecretRef | None = None
    """The Secret with the access token, which has the label `chatassistant.dev/use: access`; when empty, the operator
    makes the Secret NAME-access, and makes it anew when it is deleted."""

    oidc: Oidc | None = None
    """Whose tokens let a caller in; only with mode OIDC."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.tokenSecretRef) || self.mode == 'Token'",
            "is only for mode Token: remove tokenSecretRef, or set mode to Token",
            lambda access: access.token_secret_ref is None or access.mode == "Token",
            ".tokenSecretRef",
        ),
        Rule(
            "!has(self.oidc) || self.mode == 'OIDC'",
            "is only for mode OIDC: remove oidc, or set mode to OIDC",
            lambda access: access.oidc is None or access.mode == "OIDC",
            ".oidc",
        ),
        Rule(
            "self.mode != 'OIDC' || has(self.oidc)",
            "mode OIDC needs oidc: give it issuer and audience, or set mode to Token",
            lambda access: access.mode != "OIDC" or access.oidc is not None,
            ".oidc",
        ),
    )

    @property
    def token_is_generated(self) -> bool:
        """Whether the operator makes the access token."""
        return self.mode == "Token" and self.token_secret_ref is None

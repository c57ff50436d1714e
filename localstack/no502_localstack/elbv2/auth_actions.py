"""authenticate-oidc, authenticate-cognito and jwt-validation.

Source: API, AuthenticateOidcActionConfig, AuthenticateCognitoActionConfig, JwtValidationActionConfig; user guide,
"Authenticate users using an Application Load Balancer". The client secret is kept under a private key that `visible`
removes: it is never returned.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from no502_localstack.elbv2.errors import validation

Json = dict[str, Any]
_SECRET = "ClientSecret"
_RESERVED_CLAIMS = ("exp", "iss", "nbf", "iat")
_DEFAULTS: Json = {
    "SessionCookieName": "AWSELBAuthSessionCookie", "Scope": "openid", "SessionTimeout": 604800,
    "OnUnauthenticatedRequest": "authenticate",
}


def normalise(kind: str, config: Json | None, previous: list[Json]) -> Json:
    if not config:
        raise validation(f"A config must be specified for actions with type '{kind}'")
    if kind == "jwt-validation":
        return _jwt(config)
    shown = {**_DEFAULTS, **{key: value for key, value in config.items() if value is not None}}
    if not 1 <= shown["SessionTimeout"] <= 604800:
        raise validation(f"Session timeout '{shown['SessionTimeout']}' must be between '1' and '604800' inclusive")
    parameters = shown.get("AuthenticationRequestExtraParams") or {}
    if len(parameters) > 10:
        raise validation("At most '10' extra request parameters can be specified")
    if kind == "authenticate-oidc":
        _oidc(shown, previous)
    elif ":cognito-idp:" not in shown["UserPoolArn"] or ":userpool/" not in shown["UserPoolArn"]:
        raise validation(f"'{shown['UserPoolArn']}' is not a valid user pool ARN")
    return shown


def _oidc(shown: Json, previous: list[Json]) -> None:
    for key in ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint"):
        _https(key, shown[key])
    reuse = shown.pop("UseExistingClientSecret", None)
    if reuse and shown.get(_SECRET):
        raise validation("You cannot specify a client secret together with 'UseExistingClientSecret'")
    if reuse:
        shown[_SECRET] = _existing_secret(previous)
    if not shown.get(_SECRET):
        raise validation("A client secret must be specified for actions with type 'authenticate-oidc'")


def _existing_secret(previous: list[Json]) -> str:
    for action in previous:
        secret = (action.get("AuthenticateOidcConfig") or {}).get(_SECRET)
        if secret:
            return secret
    raise validation("'UseExistingClientSecret' can be used only where a client secret already exists")


def _https(key: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc:
        raise validation(f"The value of '{key}' must be a full URL with the HTTPS protocol: '{url}'")


def _jwt(config: Json) -> Json:
    for key in ("JwksEndpoint", "Issuer"):
        if len(config[key]) > 256 or not config[key]:
            raise validation(f"The value of '{key}' must be between 1 and 256 characters long")
    _https("JwksEndpoint", config["JwksEndpoint"])
    claims = config.get("AdditionalClaims") or []
    if len(claims) > 10:
        raise validation("At most '10' additional claims can be specified")
    for claim in claims:
        if claim["Name"].lower() in _RESERVED_CLAIMS:
            raise validation(f"The claim '{claim['Name']}' is always validated and cannot be specified")
        values = claim["Values"]
        if not 1 <= len(values) <= 10 or any(not 1 <= len(value) <= 256 for value in values):
            raise validation(f"The claim '{claim['Name']}' must have 1 to 10 values of 1 to 256 characters")
    return {key: value for key, value in config.items() if value}


def visible(actions: list[Json]) -> list[Json]:
    """The actions as the API shows them: without the client secret."""
    shown = []
    for action in actions:
        oidc = action.get("AuthenticateOidcConfig")
        if oidc:
            action = {**action, "AuthenticateOidcConfig": {k: v for k, v in oidc.items() if k != _SECRET}}
        shown.append(action)
    return shown

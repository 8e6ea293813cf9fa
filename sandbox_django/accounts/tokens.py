"""Creates, refreshes and checks tokens."""

from typing import TypeVar

from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token, UntypedToken

from accounts.models import SignIn, User
from core.errors import Refused

SomeToken = TypeVar("SomeToken", AccessToken, RefreshToken, UntypedToken)


class TokenRefused(AuthenticationFailed, Refused):
    """The token is forged, expired or replaced, or its user has signed out. The response doesn't reveal which."""

    default_detail = "The token is invalid or has expired."
    default_code = "token_not_valid"


def issue_tokens(sign_in: SignIn) -> RefreshToken:
    """Returns a new refresh token for this device, with its `access_token`. The device's old refresh token is refused
    from then on.
    """
    refresh = _token_for(sign_in.user, sign_in)
    sign_in.refresh_id = refresh["jti"]
    sign_in.save(update_fields=["refresh_id"])
    return refresh


class TokenReused(TokenRefused):
    """The refresh token was used before, so someone else may have a copy."""


def rotate(refresh: RefreshToken) -> RefreshToken:
    """Exchanges a refresh token for the next one. If two requests exchange the same token, only one succeeds."""
    user = user_of_token(refresh)
    sign_in = SignIn(pk=refresh["sign_in"])
    successor = _token_for(user, sign_in)
    rotated = SignIn.objects.filter(pk=sign_in.pk, refresh_id=refresh["jti"]).update(
        refresh_id=successor["jti"], used_at=timezone.now()
    )
    if not rotated:
        raise TokenReused
    return successor


def verify(encoded: str) -> None:
    """Raises `TokenRefused` if a request with this token would be refused."""
    token = read_token(UntypedToken, encoded)
    user_of_token(token)
    is_refresh = token["token_type"] == RefreshToken.token_type
    if is_refresh and not SignIn.objects.filter(pk=token["sign_in"], refresh_id=token["jti"]).exists():
        raise TokenRefused


def read_token(token_class: type[SomeToken], encoded: str) -> SomeToken:
    """Checks only the signature, expiry and type. `user_of_token` checks whether the token may still be used."""
    try:
        return token_class(encoded)  # type: ignore[arg-type]  # simplejwt annotates the text it decodes as a Token
    except TokenError:
        raise TokenRefused from None


def user_of_token(token: Token) -> User:
    """Returns the token's user. Raises `TokenRefused` if the token may no longer be used. The only query reads the
    user, whom the request needs anyway.
    """
    if not {"user_id", "sign_in", "auth_version"} <= token.payload.keys():
        raise TokenRefused
    user = SignIn.objects.find_user(token["user_id"], token["sign_in"])
    if user is None or user.auth_version != token["auth_version"]:
        raise TokenRefused
    return user


def _token_for(user: User, sign_in: SignIn) -> RefreshToken:
    token = RefreshToken.for_user(user)
    token["sign_in"] = str(sign_in.pk)
    token["auth_version"] = user.auth_version
    return token

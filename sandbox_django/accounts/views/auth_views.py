"""Views for signing in and out, registering, and passwords. Programs use them, and so do scripts in pages."""

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView as ResetPage
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated, ValidationError
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.authentication import enforce_csrf
from accounts.cookies import REFRESH_COOKIE, delete_token_cookies, set_token_cookies
from accounts.forms import ResetForm
from accounts.http import AuthenticatedRequest
from accounts.models import User
from accounts.serializers.auth import (
    DetailSerializer,
    LoginSerializer,
    LogoutSerializer,
    NewPasswordSerializer,
    PasswordChangeSerializer,
    PasswordResetSerializer,
    RefreshSerializer,
    RegistrationSerializer,
    ResetConfirmSerializer,
    ResetLinkSerializer,
    SignedInSerializer,
    TokenSerializer,
    TokensSerializer,
)
from accounts.serializers.user import UserSerializer
from accounts.services.attempts import RESETS, TOKEN_REQUESTS
from accounts.services.email_verification import mark_verified
from accounts.services.sign_ins import (
    authenticate_user,
    register,
    set_password,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from accounts.sessions import device_of, get_session_user
from accounts.tokens import TokenRefused, TokenReused, read_token, rotate, user_of_token, verify
from core.cpu_bound import hashes
from core.errors import CsrfFailed
from core.operations import Operation, documented
from core.throttling import address_of

logger = structlog.get_logger(__name__)


ACCESS_LIFETIME = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
REFRESH_LIFETIME = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]
REFRESH_LIMIT = "1,000 times in 10 minutes from one address"
RESET_LIMIT = "30 times in an hour from one address"


class PublicAPIView(APIView):
    """A view without authentication, so that a request with an expired token can still refresh it."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'  # with this header, a refused token gets 401, not 403


@documented(
    "Account",
    post=Operation(
        id="logIn",
        summary="Sign in",
        description="Programs take `access` and send it as `Authorization: Bearer …`, on sockets too. Browsers get "
        "the same as cookies that scripts can't read, and a session.",
        limit="30 times in 10 minutes for one e-mail, and 300 from one address; 10 wrong passwords for one e-mail, "
        "and 100 in all, from one address",
    ),
)
@hashes
class LoginView(PublicAPIView):
    """Signs in on this device. Programs use the tokens in the response; browsers get them in cookies, and a session."""

    @extend_schema(request=LoginSerializer, responses=SignedInSerializer)
    def post(self, request: Request) -> Response:
        data = validated(LoginSerializer(data=request.data))
        user = authenticate_user(request._request, **data)
        return signed_in(user, sign_in(request._request, user))


@documented(
    "Account",
    post=Operation(
        id="register",
        summary="Make an account",
        description="And sign in on this device, as by `logIn`. `displayName` is what others see; without one it "
        "is made from the e-mail. Send `password`; or `password1` and `password2`, as forms do.",
        limit="100 in an hour from one address",
    ),
)
@hashes
class RegistrationView(PublicAPIView):
    """Creates an account and signs in."""

    @extend_schema(request=RegistrationSerializer, responses={201: SignedInSerializer})
    def post(self, request: Request) -> Response:
        data = validated(RegistrationSerializer(data=request.data))
        user = register(
            request._request,
            email=data["email"],
            password=data["password"],
            display_name=data.get("display_name", ""),
        )
        return signed_in(user, sign_in(request._request, user), status=201)


@documented(
    "Account",
    post=Operation(
        id="logOut",
        summary="Sign out",
        description="This device, or all of them with `allDevices`. Its tokens are refused and its sockets closed "
        "within a second. A program sends its access token, or `refresh`. Done twice it is still done.",
    ),
)
class LogoutView(APIView):
    """Signs out this device, or all devices. Repeating the request is harmless."""

    permission_classes = [AllowAny]

    @extend_schema(request=LogoutSerializer, responses=DetailSerializer)
    def post(self, request: Request) -> Response:
        data = validated(LogoutSerializer(data=request.data))
        token = request.auth if isinstance(request.auth, AccessToken) else self.refresh_token(data)
        if data["all_devices"]:
            sign_out_everywhere(self.get_user(token))
        if token:
            sign_out(token["sign_in"])
        logout(request._request)
        response = Response({"detail": "Signed out."})
        delete_token_cookies(response)
        return response

    def refresh_token(self, data: dict[str, Any]) -> RefreshToken | None:
        try:
            return read_token(RefreshToken, refresh_token_in(self.request, data))
        except TokenRefused:
            return None

    def get_user(self, token: Token | None) -> User:
        if isinstance(self.request.user, User):
            return self.request.user
        if token:
            return user_of_token(token)
        raise NotAuthenticated


@documented(
    "Account",
    post=Operation(
        id="refreshTokens",
        summary="Trade a refresh token for new tokens",
        description=f"An access token lasts {ACCESS_LIFETIME.seconds // 60} minutes, a refresh token "
        f"{REFRESH_LIFETIME.days} days. The one that is traded is refused from then on, and if "
        "it comes again it ends its device: keep the new one. "
        "Browsers leave the body empty, their cookie has it.",
        limit=REFRESH_LIMIT,
        needs_token=True,
        forbidden=f"{CsrfFailed.default_detail} Only if the token comes from the cookie.",
    ),
)
class TokenRefreshView(PublicAPIView):
    """Exchanges a refresh token for new tokens. The exchanged token is refused from then on."""

    @extend_schema(request=RefreshSerializer, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        TOKEN_REQUESTS.hit(address_of(request))
        data = validated(RefreshSerializer(data=request.data))
        refresh = read_token(RefreshToken, refresh_token_in(request, data))
        try:
            successor = rotate(refresh)
        except TokenReused:
            # RFC 9700: someone has copied the token, and the server can't know whether the thief or the owner used it
            # first.
            if data.get("refresh") or not is_own_browser(request, refresh):
                logger.warning("refresh_token_reused", user=refresh["user_id"])
                sign_out(refresh["sign_in"])
            raise
        return with_tokens(successor, {})


@documented(
    "Account",
    post=Operation(
        id="verifyToken",
        summary="Ask whether a token would be accepted",
        description="Access or refresh token. 401 if it would not.",
        limit=REFRESH_LIMIT,
        needs_token=True,
    ),
)
class TokenVerifyView(PublicAPIView):
    """Responds with 200 if a token would be accepted, and refuses the request otherwise."""

    @extend_schema(request=TokenSerializer, responses=DetailSerializer)
    def post(self, request: Request) -> Response:
        TOKEN_REQUESTS.hit(address_of(request))
        verify(validated(TokenSerializer(data=request.data))["token"])
        return Response({"detail": "The token is valid."})


@documented(
    "Account",
    get=Operation(id="getMyself", summary="Who I am"),
    patch=Operation(id="updateMyself", summary="Change my name", limit="20 changes of the name in an hour"),
)
class UserDetailsView(RetrieveUpdateAPIView[User]):
    """Shows the current user's account, and changes it."""

    request: AuthenticatedRequest
    serializer_class = UserSerializer
    http_method_names = ["get", "patch", "head", "options"]

    def get_object(self) -> User:
        return self.request.user


@documented(
    "Account",
    post=Operation(
        id="changePassword",
        summary="Change my password",
        description="Ends every session, token and socket of mine. This device gets new tokens.",
        limit="10 wrong passwords, and 30 attempts in all, in 10 minutes",
    ),
)
@hashes
class PasswordChangeView(APIView):
    """Changes the password. This ends every session and token of the user, and gives this device new ones."""

    @extend_schema(request=PasswordChangeSerializer, responses=SignedInSerializer)
    def post(self, request: AuthenticatedRequest) -> Response:
        data = validated(PasswordChangeSerializer(data=request.data, context={"user": request.user}))
        set_password(request.user, data["new_password1"])
        return signed_in(request.user, sign_in(request._request, request.user))


@documented(
    "Account",
    post=Operation(
        id="requestPasswordReset",
        summary="Have a link to a new password mailed",
        description="If there is such an account; the response is the same if there is none.",
        limit=RESET_LIMIT,
    ),
)
class PasswordResetView(PublicAPIView):
    """Mails a reset link if the account exists. The response doesn't reveal whether it does."""

    @extend_schema(request=PasswordResetSerializer, responses=DetailSerializer)
    def post(self, request: Request) -> Response:
        RESETS.hit(address_of(request))
        form = ResetForm(validated(PasswordResetSerializer(data=request.data)))
        if form.is_valid():
            form.save(request=request._request, use_https=request.is_secure())
        return Response({"detail": "If there is an account with this e-mail, a link is on its way."})


@documented(
    "Account",
    post=Operation(
        id="resetPassword",
        summary="Set a new password by that link",
        description="`uid` and `token` are the two parts of the link.",
        limit=RESET_LIMIT,
    ),
)
@hashes
class PasswordResetConfirmView(PublicAPIView):
    """Sets the password of the user for whom a reset link was mailed."""

    @extend_schema(request=ResetConfirmSerializer, responses=DetailSerializer)
    def post(self, request: Request) -> Response:
        RESETS.hit(address_of(request))
        link = validated(ResetLinkSerializer(data=request.data))
        user = ResetPage().get_user(link["uid"])
        if user is None or not default_token_generator.check_token(user, link["token"]):
            raise ValidationError({"token": "This link was used or is too old."}, code="invalid_link")
        data = validated(NewPasswordSerializer(data=request.data, context={"user": user}))
        set_password(user, data["new_password1"])
        mark_verified(user)
        return Response({"detail": "The new password is set."})


def validated(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def refresh_token_in(request: Request, data: dict[str, Any]) -> str:
    if encoded := data.get("refresh"):
        return str(encoded)
    if REFRESH_COOKIE in request.COOKIES:
        enforce_csrf(request)  # another site may have made the browser send the cookie
    return request.COOKIES.get(REFRESH_COOKIE, "")


def is_own_browser(request: Request, refresh: RefreshToken) -> bool:
    """Returns whether the request has the valid session of the token's device.

    Two tabs may refresh with the same cookie. A thief of the token doesn't have the session.
    """
    user = get_session_user(request._request)  # not `request.user`, because this view doesn't authenticate
    return user.is_authenticated and device_of(request._request) == UUID(refresh["sign_in"])


def signed_in(user: User, refresh: RefreshToken, status: int = 200) -> Response:
    return with_tokens(refresh, {"user": UserSerializer(user).data}, status=status)


def with_tokens(refresh: RefreshToken, data: dict[str, Any], status: int = 200) -> Response:
    access = refresh.access_token  # read once, because each access creates another token
    response = Response({"access": str(access), "refresh": str(refresh), **data}, status=status)
    response["Cache-Control"] = "no-store"
    set_token_cookies(response, access, refresh)
    return response

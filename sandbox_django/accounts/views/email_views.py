"""Lets programs verify the e-mail address of an account."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.http import AuthenticatedRequest
from accounts.serializers.auth import DetailSerializer
from accounts.services.email_verification import send_verification_link
from core.operations import Operation, documented


@documented(
    "Account",
    post=Operation(
        id="sendVerificationLink",
        summary="Send a link that verifies my e-mail",
        description="The same mail as at registration. Until the address is verified, the assistant's daily budget "
        "is smaller. Nothing is sent if it is verified.",
        limit="5 in an hour to one account, and 30 from one address",
    ),
)
class VerificationView(APIView):
    """Mails the user another link that verifies the address. Does nothing if the address is verified."""

    @extend_schema(request=None, responses=DetailSerializer)
    def post(self, request: AuthenticatedRequest) -> Response:
        if request.user.email_verified_at is not None:
            return Response({"detail": "This e-mail is already confirmed."})
        send_verification_link(request._request, request.user)
        return Response({"detail": f"We've sent a link to {request.user.email}."})

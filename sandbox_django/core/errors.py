"""The API's errors, which have one format, stable codes, and field names as in the JSON."""

from django.core.exceptions import ValidationError
from rest_framework import exceptions, status
from rest_framework.exceptions import APIException

from runtime.database import RETRY_SECONDS


class Refused(APIException):
    """A request that the product refuses, with a status, a code and a sentence.

    Each refusal is a subclass of one of the classes below, in the module of the service or rule that raises it:

        class PollClosed(Conflict):
            default_code = "poll_closed"
            default_detail = "This poll is closed."

    The API returns the refusal as an error response. Pages show its `page_text`; if a page's view doesn't handle it,
    `core.middleware` does. The OpenAPI document is generated from the class.
    """

    field = ""  # the request's field that the refusal is about, if any

    @property
    def code(self) -> str:
        return str(self.get_codes())

    @property
    def page_text(self) -> str:
        """The text that pages show."""
        return str(self)

    def form_error(self) -> ValidationError:
        return ValidationError(self.page_text, code=self.code)


class Invalid(Refused):
    """A value of the request isn't valid for the stored data."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = exceptions.ValidationError.default_detail
    default_code = exceptions.ValidationError.default_code


class NotAllowed(Refused):
    """The user may see the object, but has no permission for this action."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = exceptions.PermissionDenied.default_detail
    default_code = exceptions.PermissionDenied.default_code


class CsrfFailed(NotAllowed):
    default_detail = "This request has no valid CSRF token. Reload the page and try again."


class NotFound(Refused):
    """The object doesn't exist, or the user may not see it."""

    status_code = status.HTTP_404_NOT_FOUND
    default_detail = exceptions.NotFound.default_detail
    default_code = exceptions.NotFound.default_code


class Conflict(Refused):
    """The object's current state doesn't allow this action, which may be possible later."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This is not possible right now."
    default_code = "conflict"


class BodyTooLarge(Refused):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "request_too_large"


class Unavailable(APIException):
    """The service is temporarily unavailable: status 503, with `Retry-After`."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The service is busy or unavailable. Try again in a moment."
    default_code = "unavailable"
    wait = RETRY_SECONDS

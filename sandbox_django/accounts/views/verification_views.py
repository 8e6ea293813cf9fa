"""Serves the pages that verify an account's e-mail address."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.services.email_verification import mark_verified, send_verification_link, user_of_link
from core.throttling import RateLimited


@login_required
@require_POST
def send_link(request: HttpRequest) -> HttpResponse:
    """Mails the signed-in user another link."""
    assert isinstance(request.user, User)
    try:
        send_verification_link(request, request.user)
    except RateLimited as limit:
        messages.error(request, limit.page_text)
    else:
        messages.success(request, f"We've sent a link to {request.user.email}.")
    return redirect("account")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify_email(request: HttpRequest, token: str) -> HttpResponse:
    """Shows the page that the mailed link opens, on any device. Only its button verifies the address, because mail
    scanners open links too.
    """
    user = user_of_link(token)
    if user is None:
        return render(request, "accounts/verify_email.html", {"is_expired": True}, status=404)
    is_verified = request.method == "POST"
    if is_verified:
        mark_verified(user)
    return render(request, "accounts/verify_email.html", {"email": user.email, "is_verified": is_verified})


class ResetPasswordPage(PasswordResetConfirmView):
    """Sets a new password. Also verifies the address, since the link was mailed to it."""

    template_name = "accounts/password_reset_confirm.html"

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        response = super().form_valid(form)
        mark_verified(form.user)
        return response

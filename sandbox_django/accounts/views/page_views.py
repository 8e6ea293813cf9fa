"""Serves the pages for signing in and out, registering, passwords and the user's own account."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.views import PasswordChangeView, PasswordResetView
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.cookies import delete_token_cookies
from accounts.forms import AccountForm, LimitedPasswordChange, LoginForm, RegistrationForm, ResetForm
from accounts.models import User
from accounts.services.attempts import RESETS
from accounts.services.sign_ins import EmailTaken, register, sign_out, sign_out_everywhere, start_session
from accounts.sessions import device_of
from core.cpu_bound import hashes
from core.throttling import RateLimited, address_of


@hashes
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def login_page(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect_next(request)
    form = LoginForm(request, data=request.POST or None)
    if form.is_valid():
        start_session(request, form.get_user())
        return redirect_after_sign_in(request)
    return render_form(request, "accounts/login.html", form)


@hashes
@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def register_page(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect_next(request)
    form = RegistrationForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            user = register(request, email=data["email"], password=data["password1"], display_name=data["display_name"])
        except (EmailTaken, RateLimited) as refusal:
            form.add_error(refusal.field or None, refusal.form_error())
        else:
            start_session(request, user)
            return redirect_after_sign_in(request)
    return render_form(request, "accounts/register.html", form)


@require_POST
def logout_page(request: HttpRequest) -> HttpResponse:
    """Ends the session of this device or, with `all_devices`, of every device."""
    if request.user.is_authenticated and request.POST.get("all_devices"):
        sign_out_everywhere(request.user)
    logout(request)
    response = HttpResponseRedirect(next_url(request) or resolve_url(settings.LOGOUT_REDIRECT_URL))
    delete_token_cookies(response)
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_page(request: HttpRequest) -> HttpResponse:
    """Shows the account page: profile, signed-in devices, password and sign-out. A `POST` changes the profile."""
    assert isinstance(request.user, User)
    # The form edits a copy of the user, so that the rest of the page doesn't show a rejected name.
    form = AccountForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("account")
    page = {"form": form, "devices": request.user.sign_ins.order_by("-used_at"), "this_device": device_of(request)}
    status = 429 if form.has_error(NON_FIELD_ERRORS, RateLimited.default_code) else 200
    return render(request, "accounts/account.html", page, status=status)


@login_required
@require_POST
def sign_out_device(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Signs out one of the user's devices. This may be the device that sends the request."""
    assert isinstance(request.user, User)
    device = get_object_or_404(request.user.sign_ins, pk=pk)
    if device.pk == device_of(request):
        return logout_page(request)
    sign_out(device.pk)
    messages.success(request, f"{device.browser or 'The device'} is signed out.")
    return redirect("account")


@hashes
class PasswordPage(PasswordChangeView):
    """Changes the password. Ends every device of the user, then signs this device in again."""

    template_name = "accounts/password_change_form.html"
    form_class = LimitedPasswordChange

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        login(self.request, form.save())
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error("old_password", RateLimited.default_code):
            response.status_code = 429
        return response


class ResetPage(PasswordResetView):
    """Mails a reset link. Limits the requests from one address, whether or not the accounts exist."""

    template_name = "accounts/password_reset_form.html"
    form_class = ResetForm

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        try:
            RESETS.hit(address_of(self.request))
        except RateLimited as limit:
            form.add_error(None, limit.form_error())
            return self.render_to_response(self.get_context_data(form=form), status=429)
        return super().form_valid(form)


def render_form(request: HttpRequest, template: str, form: BaseForm) -> HttpResponse:
    status = 429 if form.has_error(NON_FIELD_ERRORS, RateLimited.default_code) else 200
    return render(request, template, {"form": form, "next": next_url(request)}, status=status)


def redirect_next(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(next_url(request) or resolve_url(settings.LOGIN_REDIRECT_URL))


def redirect_after_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    response = redirect_next(request)
    delete_token_cookies(response)  # they may belong to another account that signed in through the API
    return response


def next_url(request: HttpRequest) -> str:
    """Returns the address that `next` names if it is on this site, otherwise ""."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else ""

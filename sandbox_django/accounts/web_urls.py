from django.contrib.auth import views as django_views
from django.urls import path, re_path

from accounts.views.page_views import (
    PasswordPage,
    ResetPage,
    account_page,
    login_page,
    logout_page,
    register_page,
    sign_out_device,
)
from accounts.views.verification_views import ResetPasswordPage, send_link, verify_email
from core.cpu_bound import hashes

urlpatterns = [
    # The slash is optional, because a redirect would turn a POST into a GET.
    re_path(r"^login/?$", login_page, name="login"),
    re_path(r"^logout/?$", logout_page, name="logout"),
    re_path(r"^register/?$", register_page, name="register"),
    re_path(r"^account/?$", account_page, name="account"),
    path("account/devices/<uuid:pk>/sign-out/", sign_out_device, name="sign_out_device"),
    path("account/verify-email/", send_link, name="send_verification_link"),
    path("verify-email/<str:token>/", verify_email, name="verify_email"),
    path(
        "password_change/",
        PasswordPage.as_view(),
        name="password_change",
    ),
    # This replaces the admin's own view, which doesn't limit wrong old passwords.
    path("admin/password_change/", PasswordPage.as_view(), name="admin_password_change"),
    path(
        "password_change/done/",
        django_views.PasswordChangeDoneView.as_view(template_name="accounts/password_change_done.html"),
        name="password_change_done",
    ),
    path(
        "password_reset/",
        ResetPage.as_view(),
        name="password_reset",
    ),
    path(
        "password_reset/done/",
        django_views.PasswordResetDoneView.as_view(template_name="accounts/password_reset_done.html"),
        name="password_reset_done",
    ),
    path(
        "reset/<uidb64>/<token>/",
        hashes(ResetPasswordPage.as_view()),
        name="password_reset_confirm",
    ),
    path(
        "reset/done/",
        django_views.PasswordResetCompleteView.as_view(template_name="accounts/password_reset_complete.html"),
        name="password_reset_complete",
    ),
]

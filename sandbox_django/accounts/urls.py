from django.urls import path

from accounts.views import auth_views as auth
from accounts.views.email_views import VerificationView

urlpatterns = [
    path("login/", auth.LoginView.as_view(), name="rest_login"),
    path("logout/", auth.LogoutView.as_view(), name="rest_logout"),
    path("registration/", auth.RegistrationView.as_view(), name="rest_register"),
    path("token/refresh/", auth.TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", auth.TokenVerifyView.as_view(), name="token_verify"),
    path("user/", auth.UserDetailsView.as_view(), name="rest_user_details"),
    path("email/verification/", VerificationView.as_view(), name="rest_send_verification_link"),
    path("password/change/", auth.PasswordChangeView.as_view(), name="rest_password_change"),
    path("password/reset/", auth.PasswordResetView.as_view(), name="rest_password_reset"),
    path("password/reset/confirm/", auth.PasswordResetConfirmView.as_view(), name="rest_password_reset_confirm"),
]

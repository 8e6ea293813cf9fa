from django.urls import path

from accounts.views import door_views as doors
from accounts.views.email_views import VerificationView

urlpatterns = [
    path("login/", doors.LoginView.as_view(), name="rest_login"),
    path("logout/", doors.LogoutView.as_view(), name="rest_logout"),
    path("registration/", doors.RegistrationView.as_view(), name="rest_register"),
    path("token/refresh/", doors.TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", doors.TokenVerifyView.as_view(), name="token_verify"),
    path("user/", doors.UserDetailsView.as_view(), name="rest_user_details"),
    path("email/verification/", VerificationView.as_view(), name="rest_send_verification_link"),
    path("password/change/", doors.PasswordChangeView.as_view(), name="rest_password_change"),
    path("password/reset/", doors.PasswordResetView.as_view(), name="rest_password_reset"),
    path("password/reset/confirm/", doors.PasswordResetConfirmView.as_view(), name="rest_password_reset_confirm"),
]

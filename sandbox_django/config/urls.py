from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    # First, since programs ask most often, and an address is compared with each pattern in turn.
    path("api/accounts/", include("accounts.urls")),
    path("api/assistants/", include("assistants.urls")),
    path("api/chat/", include("chat.urls")),
    path("api/discussion/", include("discussion.urls")),
    path("", include("core.urls")),
    path("", include("core.web_urls")),
    path("", include("accounts.web_urls")),
    path("assistants/", include("assistants.web_urls")),
    path("chat/", include("chat.web_urls")),
    path("discussion/", include("discussion.web_urls")),
    path("", include("asyncapi.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "core.views.errors.bad_request"
handler403 = "core.views.errors.forbidden"
handler404 = "core.views.errors.not_found"
handler500 = "core.views.errors.server_error"

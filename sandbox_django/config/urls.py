from django.contrib import admin
from django.urls import include, path

from core.features import installed_features

urlpatterns = [
    # First, because programs request these routes most often, and patterns are tried in order.
    path("api/accounts/", include("accounts.urls")),
    *[path(f"api/{feature.prefix}/", include(f"{feature.name}.urls")) for feature in installed_features()],
    path("", include("core.urls")),
    path("", include("core.web_urls")),
    path("", include("accounts.web_urls")),
    *[path(f"{feature.prefix}/", include(f"{feature.name}.web_urls")) for feature in installed_features()],
    path("", include("asyncapi.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "core.views.errors.bad_request"
handler403 = "core.views.errors.forbidden"
handler404 = "core.views.errors.not_found"
handler500 = "core.views.errors.server_error"

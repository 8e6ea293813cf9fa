"""Pages that belong to no feature."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.features import installed_features


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Renders the home page with the features of the site."""
    main_feature = next((feature for feature in installed_features() if feature.home.action), None)
    return render(request, "core/home.html", {"main_feature": main_feature})

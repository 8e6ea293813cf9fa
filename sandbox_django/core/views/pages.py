"""Pages that belong to no feature."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page: what there is, and the way in."""
    return render(request, "core/home.html")

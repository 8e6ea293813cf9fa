"""Serves the documentation of the sockets as a page and as a file."""

import json

import yaml
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from asyncapi.document import build_document


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Shows the page that documents the sockets."""
    return render(request, "asyncapi/docs.html")


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Returns the AsyncAPI document of this host, in JSON or, with `?format=yaml`, in YAML."""
    document = build_document(request.get_host(), "wss" if request.is_secure() else "ws")
    match request.GET.get("format", "json"):
        case "json":
            return HttpResponse(json.dumps(document, indent=2, ensure_ascii=False), content_type="application/json")
        case "yaml":
            text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
            return HttpResponse(text, content_type="application/yaml; charset=utf-8")
        case _:
            error = {"code": "invalid", "detail": "There are json and yaml.", "attr": "format"}
            return JsonResponse({"type": "validation_error", "errors": [error]}, status=400)

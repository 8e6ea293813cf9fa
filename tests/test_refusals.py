"""A refused request gets the same status, code and sentence in the API and on pages. Each is written in one place."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, SimpleTestCase, override_settings
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.views import APIView

from config.urls import urlpatterns as all_urlpatterns
from core.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from core.throttling import RateLimited

ROOT = Path(__file__).resolve().parents[1] / "sandbox_django"
KINDS = {Invalid, NotAllowed, NotFound, Conflict}


class LidOpen(Conflict):
    default_code = "lid_open"
    default_detail = "Close the lid first."


class WrongSize(Invalid):
    field = "cup_size"
    default_detail = "This cup has no such size."


class TooShy(NotAllowed):
    default_detail = "Only the cook can pour."


class PotGone(NotFound):
    @property
    def page_text(self) -> str:
        return "This pot was just emptied."


REFUSALS: dict[str, Refused] = {
    refusal.code: refusal for refusal in (LidOpen(), WrongSize(), TooShy(), PotGone(), RateLimited(wait=61))
}


class PourView(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request, code: str) -> None:
        raise REFUSALS[code]


def pour_page(request: HttpRequest, code: str) -> HttpResponse:
    raise REFUSALS[code]


urlpatterns = [
    path("api/pour/<str:code>/", PourView.as_view()),
    path("pour/<str:code>/", pour_page),
    path("", include(all_urlpatterns)),
]


@override_settings(ROOT_URLCONF=__name__)
class RefusedTests(SimpleTestCase):
    def error_of(self, code: str) -> tuple[int, str, dict[str, Any]]:
        response = APIClient().get(f"/api/pour/{code}/")
        body = response.json()
        assert len(body["errors"]) == 1
        return response.status_code, body["type"], body["errors"][0]

    def test_api_answers_with_the_status_code_and_sentence_of_the_class(self) -> None:
        assert self.error_of("lid_open") == (
            409,
            "client_error",
            {"code": "lid_open", "detail": "Close the lid first.", "attr": None},
        )
        assert self.error_of("permission_denied") == (
            403,
            "client_error",
            {"code": "permission_denied", "detail": "Only the cook can pour.", "attr": None},
        )

    def test_api_names_the_field_of_an_invalid_value_as_in_json(self) -> None:
        assert self.error_of("invalid") == (
            400,
            "validation_error",
            {"code": "invalid", "detail": "This cup has no such size.", "attr": "cupSize"},
        )

    def test_api_answers_alike_for_deleted_and_hidden_objects(self) -> None:
        assert self.error_of("not_found") == (
            404,
            "client_error",
            {"code": "not_found", "detail": "This doesn't exist, or you can't access it.", "attr": None},
        )

    def test_api_sends_the_time_to_retry(self) -> None:
        response = APIClient().get("/api/pour/throttled/")

        assert (response.status_code, response["Retry-After"]) == (429, "61")

    def test_page_that_handles_no_refusal_shows_it_with_its_status(self) -> None:
        for code, status, text in (
            ("lid_open", 409, "Close the lid first."),
            ("permission_denied", 403, "You don't have access to this page"),
            ("not_found", 404, "Page not found"),
            ("throttled", 429, "Too many requests. Try again in 2 minutes."),
        ):
            with self.subTest(code):
                self.assertContains(Client().get(f"/pour/{code}/"), text, status_code=status, html=False)

    def test_page_shows_the_time_to_retry(self) -> None:
        assert Client().get("/pour/throttled/")["Retry-After"] == "61"

    def test_form_shows_the_page_text_and_keeps_the_code(self) -> None:
        error = PotGone().form_error()

        assert (error.message, error.code) == ("This pot was just emptied.", "not_found")


def production_refusals() -> list[type[Refused]]:
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if {"permissions", "services"} & set(parts) and "tests" not in parts:
            import_module(".".join(parts).removesuffix(".__init__"))
    return [one for one in subclasses(Refused) if not one.__module__.startswith(("tests.", "test_"))]


def subclasses(parent: type[Refused]) -> Iterator[type[Refused]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.mark.parametrize("refusal", production_refusals(), ids=lambda refusal: refusal.__name__)
def test_a_refusal_is_a_client_error_whose_sentence_is_written_once(refusal: type[Refused]) -> None:
    assert 400 <= refusal.status_code < 500
    assert str(refusal.default_code)
    sentence = str(refusal.default_detail)
    assert sentence.endswith(".")
    if refusal in KINDS or not re.search(r"\w+\s+\w+\s+\w+", sentence) or "default_detail" not in vars(refusal):
        return  # the sentence is that of DRF or of the parent class
    found = [
        str(file.relative_to(ROOT))
        for pattern in ("*.py", "*.html")
        for file in ROOT.rglob(pattern)
        if {"tests", "migrations"}.isdisjoint(file.parts) and sentence in file.read_text()
    ]
    assert len(found) == 1, found

"""The users of the forum's tests. Alice asks, Bob answers, Mallory only reads, and Sue is staff."""

from typing import Any

from django.test import TransactionTestCase
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.models import User
from test_utils.auth_api_test_case import auth_headers
from test_utils.users import alice, bob, mallory

LIST_URL = "/api/discussion/"


class Forum:
    """Creates the users, for any kind of test case."""

    alice: User
    bob: User
    mallory: User
    staff: User

    def create_users(self) -> None:
        self.alice, self.bob, self.mallory = alice(), bob(), mallory()
        self.staff = UserFactory.create(email="sue@example.com", display_name="Sue", is_staff=True)


class ForumCase(Forum, TransactionTestCase):
    """A test case that can send requests as each of these users."""

    def setUp(self) -> None:
        self.create_users()
        self._signed_in: dict[int, dict[str, str]] = {}

    def sign_in(self, user: User) -> dict[str, str]:
        """Returns the headers of a program that has signed in as `user`. Signs in once per user."""
        if user.pk not in self._signed_in:
            self._signed_in[user.pk] = auth_headers(user)
        return self._signed_in[user.pk]

    def send(self, method: str, url: str, data: Any = None, *, by: User | None, key: str = "") -> Any:
        """Sends a request; `key` is its Idempotency-Key."""
        headers = {**(self.sign_in(by) if by else {}), **({"Idempotency-Key": key} if key else {})}
        return getattr(APIClient(), method)(url, data, headers=headers)

    def get(self, url: str, *, by: User | None = None) -> Any:
        response = self.send("get", url, by=by or self.alice)
        assert response.status_code == 200, response.content
        return response.json()

    def ask(self, title: str = "Which tea?", *, by: User | None = None, **fields: Any) -> Any:
        """Creates a topic and returns the body of the response."""
        body = {"title": title, "content": "Green or black?", **fields}
        response = self.send("post", LIST_URL, body, by=by or self.alice)
        assert response.status_code == 201, response.content
        return response.json()

    def answer(self, topic: Any, content: str = "Green.", *, by: User | None = None) -> Any:
        response = self.send("post", replies_url(topic), {"content": content}, by=by or self.bob)
        assert response.status_code == 201, response.content
        return response.json()


def topic_url(topic: Any, action: str = "") -> str:
    return reverse("discussion-topic-detail", args=[topic["id"]]) + (f"{action}/" if action else "")


def replies_url(topic: Any) -> str:
    return reverse("discussion-reply-list", args=[topic["id"]])


def reply_url(reply: Any, action: str = "") -> str:
    url = reverse("discussion-reply-detail", args=[reply["topicId"], reply["id"]])
    return url + (f"{action}/" if action else "")


def code_of(response: Any) -> tuple[int, str, str | None]:
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]

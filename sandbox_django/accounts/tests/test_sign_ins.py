from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.test import Client, TestCase
from django.utils import timezone

from accounts.models import SignIn
from accounts.tasks import task_forget_ended_sign_ins
from test_utils.users import alice


class ForgettingTests(TestCase):
    def setUp(self) -> None:
        self.user = alice()

    def test_usable_sign_ins_are_kept(self) -> None:
        self.client.force_login(self.user)
        SignIn.objects.update(created_at=days_ago(100), used_at=days_ago(13))

        async_to_sync(task_forget_ended_sign_ins)()

        assert SignIn.objects.count() == 1
        assert self.client.get("/account").status_code == 200

    def test_unusable_sign_ins_are_deleted(self) -> None:
        for browser in (Client(), Client()):
            browser.force_login(self.user)
        SignIn.objects.update(used_at=days_ago(15))
        Session.objects.update(expire_date=days_ago(1))

        async_to_sync(task_forget_ended_sign_ins)()

        assert not SignIn.objects.exists()
        assert not Session.objects.exists()


def days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)

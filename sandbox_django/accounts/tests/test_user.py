import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, override_settings

from accounts.models import User
from accounts.services.sign_ins import sign_out_everywhere
from test_utils.users import alice


class EmailTests(TestCase):
    def test_an_e_mail_is_one_persons_in_any_case(self) -> None:
        alice()

        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create_user("ALICE@Example.com", "x")
        with pytest.raises(ValidationError):
            User(email="Alice@example.com", password="x").full_clean()

    def test_not_even_raw_sql_writes_it_twice(self) -> None:
        bob = User.objects.create_user("bob@example.com")
        alice()

        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_user SET email = 'ALICE@example.com' WHERE id = %s", [bob.pk])

    def test_user_without_e_mail_can_not_be_created(self) -> None:
        with pytest.raises(ValueError, match="e-mail"):
            User.objects.create_user("")

    def test_it_is_found_however_it_is_typed(self) -> None:
        user = User.objects.create_user("Alice@Example.COM")

        assert user.email == "alice@example.com"
        assert User.objects.get(email="ALICE@example.com") == user
        assert User.objects.filter(email__in=["ALICE@example.com"]).exists()
        assert User.objects.get_by_natural_key("aliCe@example.com") == user


class NameTests(TestCase):
    def test_without_a_name_it_is_what_stands_before_the_at(self) -> None:
        assert User.objects.create_user("bob@example.com").display_name == "bob"
        assert len(User.objects.create_user("b" * 200 + "@example.com").display_name) == 80

    def test_the_e_mail_does_not_show_where_a_user_is_named(self) -> None:
        assert str(alice()) == "Alice"


class AuthVersionTests(TestCase):
    """Tests that everything which ends sessions and tokens increments the version that they contain."""

    def setUp(self) -> None:
        self.user = alice()
        self.before = self.user.get_session_auth_hash()

    def test_a_new_password_ends_all_sessions_wherever_it_is_set(self) -> None:
        self.user.set_password("another password")
        self.user.save(update_fields=["password"])

        assert self.auth_version() == 1
        assert self.user.get_session_auth_hash() != self.before

    def test_taking_the_password_away_does_too(self) -> None:
        self.user.set_unusable_password()
        self.user.save()

        assert self.auth_version() == 1

    def test_the_same_password_hashed_again_does_not(self) -> None:
        newer = "django.contrib.auth.hashers.ScryptPasswordHasher"
        with override_settings(PASSWORD_HASHERS=[newer, *settings.PASSWORD_HASHERS]):
            assert self.user.check_password("password")

        assert User.objects.get(pk=self.user.pk).password.startswith("scrypt$")
        assert self.auth_version() == 0

    def test_other_changes_do_not(self) -> None:
        self.user.display_name = "Alice L."
        self.user.save()

        assert self.auth_version() == 0

    def test_an_outdated_object_does_not_restore_an_older_version(self) -> None:
        stale = User.objects.get(pk=self.user.pk)
        sign_out_everywhere(self.user)

        stale.save()

        assert self.auth_version() == 1

    def test_being_switched_off_does_even_if_switched_on_again(self) -> None:
        self.user.is_active = False
        self.user.save()
        self.user.is_active = True
        self.user.save()

        assert self.auth_version() == 1

    def auth_version(self) -> int:
        return User.objects.get(pk=self.user.pk).auth_version

"""Limits on sign-ins, registrations and password changes.

Successful attempts count too, since each attempt costs a password hash. Attempts with unknown e-mails count as well, so
that a limit doesn't reveal which e-mails have an account.
"""

from django.http import HttpRequest

from core.throttling import Limit, address_of

TEN_MINUTES, HOUR = 10 * 60, 60 * 60


class AttemptLimit(Limit):
    counted = "tries"


WRONG_PASSWORDS = AttemptLimit("wrong passwords for one e-mail from one address", times=10, seconds=TEN_MINUTES)
WRONG_PASSWORDS_OF_ADDRESS = AttemptLimit("wrong passwords from one address", times=100, seconds=TEN_MINUTES)
# Higher than WRONG_PASSWORDS, so that a client at one address can't lock the owner out of an account.
LOGINS = AttemptLimit("logins to one account", times=30, seconds=TEN_MINUTES)
LOGINS_OF_ADDRESS = AttemptLimit("logins from one address", times=300, seconds=TEN_MINUTES)
WRONG_OLD_PASSWORDS = AttemptLimit("wrong old passwords of one user", times=10, seconds=TEN_MINUTES)
PASSWORD_CHANGES = AttemptLimit("password changes of one user", times=30, seconds=TEN_MINUTES)
# Each change of a name rewrites the stored events that contain it.
NAME_CHANGES = AttemptLimit("name changes of one user", times=20, seconds=HOUR)
REGISTRATIONS = AttemptLimit("registrations from one address", times=100, seconds=HOUR)
RESET_MAILS = AttemptLimit("reset mails to one e-mail", times=5, seconds=HOUR)
RESETS = AttemptLimit("password resets from one address", times=30, seconds=HOUR)
# Many devices may share an address, and each refreshes its token every 15 minutes.
TOKEN_REQUESTS = AttemptLimit("token requests from one address", times=1000, seconds=TEN_MINUTES)


def count_login(request: HttpRequest, email: str) -> None:
    """Counts an attempt to sign in. Raises `RateLimited` before any password is hashed."""
    address, name = address_of(request), email.lower()
    WRONG_PASSWORDS.check((address, name))
    WRONG_PASSWORDS_OF_ADDRESS.check(address)
    LOGINS_OF_ADDRESS.hit(address)
    LOGINS.hit(name)


def count_wrong_password(request: HttpRequest, email: str) -> None:
    address = address_of(request)
    WRONG_PASSWORDS.count((address, email.lower()))
    WRONG_PASSWORDS_OF_ADDRESS.count(address)

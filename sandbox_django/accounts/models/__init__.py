from accounts.models.sign_in import SignIn
from accounts.models.user import User, UserManager

__all__ = ["SignIn", "User", "UserManager"]

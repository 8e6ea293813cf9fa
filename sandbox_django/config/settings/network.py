"""Settings for a developer's machine that the local network can reach. They use no published secrets or debug pages."""

import os

from config.network import load_secrets, own_hosts

from .dev import *
from .dev import ALLOWED_HOSTS, DATA_DIR, env

_secrets = load_secrets(DATA_DIR)

DEBUG = False
SECRET_KEY = env.str("DJANGO_SECRET_KEY", "") or _secrets.secret_key
ALLOWED_HOSTS = [*ALLOWED_HOSTS, *own_hosts(os.environ.get("HOST", ""))]
DEMO_PASSWORD, DEMO_ADMIN_PASSWORD = _secrets.demo_password, _secrets.admin_password
WHITENOISE_AUTOREFRESH = False

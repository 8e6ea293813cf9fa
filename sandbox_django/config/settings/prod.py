"""`production.py` under the name that it has in chanx's sandbox."""

from .production import *

"""An alias of `production.py`, named as in chanx's sandbox."""

from .production import *

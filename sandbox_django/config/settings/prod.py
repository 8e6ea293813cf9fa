"""An alias of `production.py`. chanx's sandbox has settings with this name."""

from .production import *

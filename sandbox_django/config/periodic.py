"""Collects the periodic jobs of the site from `JOBS` in each app's `periodic_jobs.py`."""

from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from core.periodic import Periodic

JOBS: list[Periodic] = [
    job
    for config in apps.get_app_configs()
    if module_has_submodule(config.module, "periodic_jobs")
    for job in import_module(f"{config.name}.periodic_jobs").JOBS
]

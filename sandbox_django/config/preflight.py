"""Runs checks before a server or a worker starts: `python -m config.preflight`. Prints one line for each problem."""

import os
import sys
from collections.abc import Iterator

import django
import redis
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from environs.exceptions import EnvError
from redis.exceptions import RedisError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")


def problems() -> Iterator[str]:
    try:
        django.setup()
    except (ImproperlyConfigured, EnvError) as refusal:
        yield str(refusal)
        return
    # This isn't one of Django's checks, because `migrate` first runs those and would refuse too.
    try:
        executor = MigrationExecutor(connection)
        if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            yield f"{len(plan)} migrations are not applied. Run: manage.py migrate"
    except OperationalError as failure:
        yield f"The database does not answer: {failure}"
    if settings.REDIS_URL:
        try:
            with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3) as client:
                client.ping()
        except RedisError as failure:
            yield f"Redis does not answer: {failure}"
    # Sorted, because Django's set of checks has no order.
    for message in sorted(checks.run_checks(), key=lambda message: str(message.id)):
        if message.level >= checks.ERROR:
            yield f"{message.msg} {message.hint or ''}"


def main() -> int:
    found = [" ".join(problem.split()) for problem in problems()]
    for problem in found:
        sys.stderr.write(f"Can't start: {problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

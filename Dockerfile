# One image for web servers, workers and the migration: see docs/operating.md.

FROM python:3.11.14-slim-bookworm AS build
# Checks hashes and compiles nothing: all packages but one are wheels, and that one is pure Python.
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
        --no-binary djangorestframework-camel-case -r requirements.lock
COPY sandbox_django sandbox_django
# Dummy values that production's settings require; nothing is connected to.
RUN DJANGO_SETTINGS_MODULE=config.settings.production DJANGO_SECRET_KEY=unused DJANGO_ALLOWED_HOSTS=unused \
    OPENAI_API_KEY=unused DATABASE_URL=postgresql://unused REDIS_URL=redis://unused \
    .venv/bin/python sandbox_django/manage.py collectstatic --no-input --verbosity 0 \
    && .venv/bin/python -m compileall -q sandbox_django \
    && .venv/bin/pip uninstall --yes --quiet --disable-pip-version-check setuptools pip

FROM python:3.11.14-slim-bookworm
# Removes Python's own pip too, because nothing is installed into a running container.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore --disable-pip-version-check setuptools wheel pip \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin sandbox
ENV DJANGO_SETTINGS_MODULE=config.settings.production \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    WORKER_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app /app
COPY bin/serve bin/worker bin/
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["bin/serve"]

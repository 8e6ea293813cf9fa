from typing import Any

from chanx.channels.discovery import DjangoRouteDiscovery
from chanx.channels.management.commands.generate_asyncapi_schema import Command as ChanxCommand
from django.utils.module_loading import import_string

from asyncapi.document import build_document


class Command(ChanxCommand):
    """Writes the document that the site serves. Takes all options of chanx's command of this name."""

    def _generate_schema(self, options: dict[str, Any]) -> dict[str, Any]:
        given = {"title": options["title"], "version": options["api_version"], "description": options["description"]}
        path = options["discovery_class"]
        return build_document(
            *self._parse_base_url(options["base_url"] or self._get_default_base_url()),
            discovery=import_string(path) if path else DjangoRouteDiscovery,
            **{name: value for name, value in given.items() if value is not None},
        )

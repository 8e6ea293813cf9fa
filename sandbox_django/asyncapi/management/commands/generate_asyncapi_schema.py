from typing import Any

from chanx.channels.management.commands.generate_asyncapi_schema import Command as ChanxCommand

from asyncapi.document import build_document


class Command(ChanxCommand):
    """The same command, for the document that is served."""

    def _generate_schema(self, options: dict[str, Any]) -> dict[str, Any]:
        return build_document(*self._parse_base_url(options["base_url"] or self._get_default_base_url()))

"""Declares features. The configuration, pages, documents and tests iterate over the installed features.

A feature is an app whose `AppConfig` is a `Feature`. Its modules have fixed names: `urls` (below /api/<prefix>/),
`web_urls` (below /<prefix>/), `routing` (below /ws/<prefix>/) and, if it has them, `periodic_jobs` (`JOBS`) and `demo`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, kw_only=True)
class NavigationItem:
    """An entry of the main navigation."""

    label: str
    url_name: str
    icon: str  # the name of a template
    position: int  # the order among features
    badge: str = ""  # the name of a template that shows a number beside the label


@dataclass(frozen=True, kw_only=True)
class HomeItem:
    """An entry of the home page."""

    title: str
    text: str
    action: str = ""  # the label of the page's main button, for which the first feature with an action is used


@dataclass(frozen=True, kw_only=True)
class SocketDocs:
    """The parts of a socket's AsyncAPI documentation that its consumer doesn't define."""

    id_description: str = ""  # describes the id in the address, if there is one
    id_example: str = ""
    closing_codes: frozenset[int] = field(default_factory=frozenset)  # in addition to those of every socket


class Feature(AppConfig):
    """Base class of a feature's AppConfig.

    class PollsConfig(Feature):
        name = "polls"
        prefix = "polls"
        navigation = NavigationItem(label="Polls", url_name="polls-home", icon="core/icons/people.html", position=4)
    """

    default = False  # so that Django uses the subclass in an `apps.py`, which also imports this class

    prefix: str  # of its URLs
    navigation: NavigationItem
    home: HomeItem

    # For the OpenAPI document: descriptions by tag; the name and description of each path parameter, by the part of the
    # path before the parameter; and the dotted paths of enum classes, by the name in the document.
    api_tags: Mapping[str, str] = {}
    path_parameters: Mapping[str, tuple[str, str]] = {}
    enum_names: Mapping[str, str] = {}
    # For the AsyncAPI document, by the name of the `@channel`.
    sockets: Mapping[str, SocketDocs] = {}

    # Dotted paths of functions: those that each process calls when it starts, and the jobs that workers run.
    at_start: Sequence[str] = ()
    queued_jobs: Sequence[str] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.default = True

    def ready(self) -> None:
        super().ready()
        # drf-spectacular reads these from the settings, which are loaded before the apps.
        settings.SPECTACULAR_SETTINGS["TAGS"] += [
            {"name": name, "description": description} for name, description in self.api_tags.items()
        ]
        settings.SPECTACULAR_SETTINGS["ENUM_NAME_OVERRIDES"] |= self.enum_names


def installed_features() -> list[Feature]:
    """Returns the features in the order of INSTALLED_APPS."""
    return [config for config in apps.get_app_configs() if isinstance(config, Feature)]


def functions_of(attribute: str) -> list[Any]:
    """Returns the functions whose dotted paths the features list in `attribute`: `at_start` or `queued_jobs`."""
    return [import_string(path) for feature in installed_features() for path in getattr(feature, attribute)]

"""The installed features in templates."""

from collections.abc import Iterable

from django import template

from core.features import Feature

register = template.Library()


@register.filter
def in_navigation_order(features: Iterable[Feature]) -> list[Feature]:
    return sorted(features, key=lambda feature: feature.navigation.position)

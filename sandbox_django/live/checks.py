"""A system check that the channel layer supports the live core."""

from typing import Any

from channels.layers import get_channel_layer
from django.core.checks import CheckMessage, Error, register


@register
def layer_sends_batches(**given: Any) -> list[CheckMessage]:
    if hasattr(get_channel_layer(), "group_send_many"):
        return []
    hint = 'Set the BACKEND of CHANNEL_LAYERS["default"] to live.layers.MemoryLayer or live.layers.RedisLayer.'
    return [Error("The live core can't use this channel layer.", hint, id="live.E001")]

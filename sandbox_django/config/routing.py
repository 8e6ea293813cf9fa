from channels.routing import URLRouter
from chanx.channels.routing import include, path

from core.features import installed_features

router = URLRouter(
    [path(f"ws/{feature.prefix}/", include(f"{feature.name}.routing")) for feature in installed_features()]
)

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from core.views.contract import redoc, swagger
from core.views.health import healthz, readyz
from core.views.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/schema/swg/", swagger, name="swagger-ui"),
    path("api/schema/redoc/", redoc, name="redoc"),
]

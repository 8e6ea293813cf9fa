from django.urls import path

from core.views.api_docs import redoc, swagger
from core.views.health import healthz, readyz
from core.views.metrics import metrics
from core.views.schema import SchemaView

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/schema/swg/", swagger, name="swagger-ui"),
    path("api/schema/redoc/", redoc, name="redoc"),
]

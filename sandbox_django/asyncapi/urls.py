from django.urls import path

from asyncapi.views import docs, schema

urlpatterns = [
    path("asyncapi/", docs, name="asyncapi_docs"),
    path("api/asyncapi/docs/", docs),
    path("api/asyncapi/schema/", schema, name="asyncapi_schema"),
]

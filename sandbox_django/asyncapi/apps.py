from django.apps import AppConfig


class AsyncAPIConfig(AppConfig):
    name = "asyncapi"

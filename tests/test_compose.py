"""The Compose files contain no secrets, name fixed versions, and configure the proxy and the stopping of containers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DEVELOPMENT = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PRODUCT = yaml.safe_load((ROOT / "docker-compose.product.yml").read_text())["services"]
SECRETS = ("DJANGO_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")
PROCESSES = ("web-1", "web-2", "worker")


def test_the_product_does_not_start_without_its_secrets() -> None:
    text = (ROOT / "docker-compose.product.yml").read_text()

    for secret in SECRETS:
        found = re.findall(rf"\$\{{{secret}[^}}]*\}}", text)
        assert set(found) == {f"${{{secret}:?is not set}}"}, secret


@pytest.mark.parametrize("services", [DEVELOPMENT, PRODUCT])
def test_redis_asks_for_a_password(services: dict[str, Any]) -> None:
    command = services["redis"]["command"]
    password = command[command.index("--requirepass") + 1]

    assert password == services["redis"]["environment"]["REDISCLI_AUTH"]
    for name in PROCESSES if services is PRODUCT else ():
        assert services[name]["environment"]["REDIS_URL"] == f"redis://:{password}@redis:6379/0"


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in PRODUCT.items() if "ports" in service] == ["proxy"]
    for service in DEVELOPMENT.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_versions_are_fixed() -> None:
    images = {service["image"] for service in [*DEVELOPMENT.values(), *PRODUCT.values()]} - {"sandbox"}
    images |= set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?-", image), image


def test_the_proxy_is_one_that_retries_a_post() -> None:
    version = tuple(int(part) for part in PRODUCT["proxy"]["image"].split(":")[1].partition("-")[0].split("."))

    assert version >= (2, 11, 2)


def test_the_proxy_checks_the_health_of_every_web_process() -> None:
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()

    assert PRODUCT["proxy"]["environment"]["UPSTREAMS"].split() == [
        f"{name}:8000" for name, service in PRODUCT.items() if service.get("command") == ["bin/serve"]
    ]
    for line in ("health_uri /readyz", "request_buffers 2MB", "reverse_proxy {$UPSTREAMS:127.0.0.1:8000} {"):
        assert line in caddyfile


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_may_open_many_sockets_and_have_the_time_to_stop(name: str) -> None:
    assert PRODUCT[name]["ulimits"]["nofile"] >= 65536
    assert PRODUCT[name]["stop_grace_period"] == "45s"

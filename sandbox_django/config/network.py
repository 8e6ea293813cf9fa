"""Secrets and host names of a development server that the local network can reach: `HOST=0.0.0.0 bin/dev`."""

import ipaddress
import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FILE = "network.json"


@dataclass(frozen=True)
class NetworkSecrets:
    """The key that signs sessions and tokens, and the passwords of the demo users and of the demo admin."""

    secret_key: str
    demo_password: str
    admin_password: str


def load_secrets(data_dir: Path) -> NetworkSecrets:
    """Returns the secrets of this data directory. Generates them on the first call, and stores them in a file that only
    the file's owner can read.
    """
    path = data_dir / FILE
    made = NetworkSecrets(secrets.token_urlsafe(50), secrets.token_urlsafe(9), secrets.token_urlsafe(15))
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return NetworkSecrets(**json.loads(path.read_text()))
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(made), file)
    return made


def own_addresses() -> list[str]:
    """Returns those addresses of this machine that other machines can reach."""
    found = {
        address.address.partition("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }
    return sorted(found - {"127.0.0.1", "::1"}, key=lambda address: (":" in address, address))


def own_hosts(host: str) -> list[str]:
    """Returns the host names of a server that listens on `host`, for the setting ALLOWED_HOSTS."""
    names = [socket.gethostname(), socket.getfqdn(), f"{socket.gethostname()}.local", host]
    return [bracketed(name) for name in [*own_addresses(), *names] if name and not is_unspecified(name)]


def urls(host: str, port: str) -> list[str]:
    """Returns the URLs at which a browser can open the server."""
    hosts = [host]
    if is_unspecified(host):
        hosts = ["localhost", *(address for address in own_addresses() if ":" in host or ":" not in address)]
    return [f"http://{bracketed(name)}:{port}" for name in hosts]


def is_unspecified(host: str) -> bool:
    """Returns whether the address stands for all addresses of the machine, as 0.0.0.0 and :: do."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""Client programs that sign in through one server and open sockets on any server."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.servers import Server

PASSWORD = "a mossy staircase"


def register(email: str, server: Server, *, name: str = "") -> None:
    body = {"email": email, "password1": PASSWORD, "password2": PASSWORD, "displayName": name}
    httpx.post(f"{server.url}/api/accounts/registration/", json=body).raise_for_status()


@dataclass
class Device:
    """A program that has signed in through one server. It can open sockets on any server."""

    access: str

    @classmethod
    def of(cls, email: str, server: Server) -> "Device":
        body = {"email": email, "password": PASSWORD}
        response = httpx.post(f"{server.url}/api/accounts/login/", json=body)
        response.raise_for_status()
        return cls(response.json()["access"])

    def post(self, server: Server, path: str, data: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.access}"}
        response = httpx.post(f"{server.url}{path}", json=data or {}, headers=headers)
        response.raise_for_status()
        return response.json()

"""STUN and TURN servers that clients are told of. Pure."""

from __future__ import annotations

from typing import Final

from server.settings import Settings
from server.webrtc.ice import turn_credentials

__all__ = ["ice_servers", "link_headers"]

_TURN_SECONDS: Final = 3_600


def ice_servers(settings: Settings, now: float, *, passwords: bool = True) -> list[dict[str, str]]:
    """As `RTCPeerConnection` takes them.

    Args:
        settings: say which.
        now: seconds since 1970.
        passwords: whether whoever is told may use the relay. Else TURN servers are left out: a
            browser takes none without a password, and `Settings` has no relay without its secret.
    """
    servers: list[dict[str, str]] = []
    for url in settings.page_ice_servers:
        server = {"urls": url}
        if url.startswith("turn"):
            if not passwords:
                continue
            name, password = turn_credentials(settings.turn_secret, "page", _TURN_SECONDS, now)
            server |= {"username": name, "credential": password}
        servers.append(server)
    return servers


def link_headers(servers: list[dict[str, str]]) -> list[str]:
    """The same as values of `Link` headers (RFC 9725)."""
    links = []
    for server in servers:
        link = f'<{server["urls"]}>; rel="ice-server"'
        if "username" in server:
            link += f'; username="{server["username"]}"; credential="{server["credential"]}"'
            link += '; credential-type="password"'
        links.append(link)
    return links

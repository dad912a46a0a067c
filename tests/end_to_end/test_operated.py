"""What an operator turns on, through the real server: https, and a log of every session."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.end_to_end.served import Served, server, until_metric
from tests.network.caller import Caller

pytestmark = pytest.mark.timeout(60)


# ---- https -------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody but itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


def ask(url: str, trusted: ssl.SSLContext, body: dict[str, str] | None = None) -> Any:
    """What is answered to a GET, or to a POST of JSON."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30, context=trusted) as response:
        return response.read()


async def test_a_call_whose_offer_goes_over_https(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    with server(f"--tls-certificate={chain}", f"--tls-key={key}", ready=False) as served:
        assert served.url.startswith("https://localhost:")
        trusted = ssl.create_default_context(cafile=str(chain))
        page = await asyncio.to_thread(ask, served.url, trusted)
        assert b"Counterpoint" in page
        caller = Caller("", loopback=True)
        try:
            await until_ready(served, trusted)
            offer = {"sdp": await caller.offer(), "type": "offer"}
            answer = await asyncio.to_thread(ask, f"{served.url}/api/offer", trusted, offer)
            await caller.accept(json.loads(answer)["sdp"])
            assert (await caller.wait_for("session.started"))["resumed"] is False
        finally:
            await caller.hang_up()


async def until_ready(served: Served, trusted: ssl.SSLContext) -> None:
    """Until offers are taken."""
    for _ in range(300):
        try:
            await asyncio.to_thread(ask, f"{served.url}/healthz", trusted)
        except urllib.error.HTTPError:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError(served.spawned.output())


def test_a_key_that_belongs_to_another_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    chain, _ = certificate(tmp_path)
    _, other = certificate(tmp_path / "other")
    with pytest.raises(AssertionError, match="tls_certificate and tls_key cannot be used") as told:
        with server(f"--tls-certificate={chain}", f"--tls-key={other}", ready=False):
            pass
    assert "ended with 1" in str(told.value)


# ---- recordings --------------------------------------------------------------------------------


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_sessions_are_logged_where_the_operator_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    with server(f"--recordings={folder}") as served:
        async with served.call() as caller:
            await caller.open()
            caller.send({"type": "text.send", "text": "a word for the log"})
            await caller.wait_for("person.words")
        await until_metric(served, "sessions", 0)
        async with served.call() as deleted:
            await deleted.open()
            gone = {"Authorization": f"Bearer {deleted.answer['resume_token']}"}
            path = f"/api/sessions/{deleted.answer['session']}"
            await asyncio.to_thread(served.request, path, method="DELETE", headers=gone)
            await deleted.wait_for("session.ended")
    (file,) = folder.iterdir()
    assert file.stem == caller.answer["session"]
    assert file.stat().st_mode & 0o077 == 0 and folder.stat().st_mode & 0o077 == 0
    kinds = {line["type"] for line in lines(file)}
    assert {"session.started", "person.words", "micro_turn", "session.ended"} <= kinds
    assert any("a word for the log" in json.dumps(line) for line in lines(file))
    secret = caller.answer["resume_token"]
    assert secret not in file.read_text()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AssertionError, match="recordings: nothing can be written into"):
        with server(f"--recordings={tmp_path / 'file' / 'logs'}", ready=False):
            pass

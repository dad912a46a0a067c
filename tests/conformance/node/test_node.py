"""OpenAI's npm packages in Node, unmodified: both hold one conversation over a WebSocket."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from scipy.signal import resample_poly

from tests.conformance.judging import TELLER, remembered, said
from tests.end_to_end.served import Served

pytestmark = [pytest.mark.weights, pytest.mark.timeout(240)]

SCRIPT: Final = Path(__file__).parent / "talk.js"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1's own, and its private key, as PEM."""
    folder = tmp_path_factory.mktemp("tls")
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a proxy")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, private.public_key(), serial_number=1)
    made = (
        builder.not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(here, critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    kept = serialization.PrivateFormat.PKCS8
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(private.private_bytes(pem, kept, serialization.NoEncryption()))
    return folder / "certificate.pem", folder / "key.pem"


async def test_both_clients_converse_interrupt_and_use_a_tool_and_remember_what_was_heard(
    served: Served, key: str, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    paths = []
    for at, one in enumerate(said()):
        faster = np.clip(resample_poly(one.audio, 3, 2), -1, 1)
        (tmp_path / f"{at}.pcm").write_bytes((faster * 32_767).astype("<i2").tobytes())
        paths.append(str(tmp_path / f"{at}.pcm"))
    asked = {"server": served.url, "key": key, "said": paths, "instructions": TELLER}
    tls = {"certificate": str(certificate[0]), "privateKey": str(certificate[1])}
    process = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT), json.dumps(asked | tls)),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate[0])},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 180)
    assert process.returncode == 0
    for found in json.loads(out).values():
        remembered(found)

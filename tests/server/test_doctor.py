"""`counterpoint doctor` against real ports, a real TURN server and a real certificate."""

from __future__ import annotations

import datetime
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server import doctor, reachability
from server.doctor import Finding
from server.settings import Settings
from tests.network.coturn import coturn


def found(settings: Settings) -> dict[str, Finding]:
    """The findings of the quick checks, by name."""
    checks = [doctor._port, doctor._microphone, doctor._certificate]
    checks += [doctor._addresses, doctor._servers]
    return {finding.check: finding for check in checks for finding in check(settings)}


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_taken_port_fails_and_a_free_one_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = found(Settings(port=port))["port"]
        assert told.level == "FAIL" and f"127.0.0.1:{port}" in told.text and told.remedy
    assert found(Settings(port=port))["port"].level == "OK"


def test_plain_http_is_good_on_this_machine_only() -> None:
    assert found(Settings(port=0))["secure context"].level == "OK"
    told = found(Settings(port=0, host="0.0.0.0"))["secure context"]
    assert told.level == "WARN" and "tls_certificate" in told.remedy


def test_certificates_are_read(tmp_path: Path) -> None:
    def certificate(days: int) -> Settings:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=99))
            .not_valid_after(now + datetime.timedelta(days=days))
            .sign(key, hashes.SHA256())
        )
        (tmp_path / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (tmp_path / "k.pem").write_bytes(private)
        return Settings(
            port=0,
            host="0.0.0.0",
            tls_certificate=str(tmp_path / "c.pem"),
            tls_key=str(tmp_path / "k.pem"),
        )

    good = found(certificate(days=90))
    assert good["certificate"].level == "OK" and good["secure context"].level == "OK"
    assert found(certificate(days=3))["certificate"].level == "WARN"
    settings = certificate(days=-1)
    assert "expired" in found(settings)["certificate"].text
    (tmp_path / "k.pem").write_text("no key")
    assert found(settings)["certificate"].level == "FAIL"


def test_media_addresses_are_those_the_browser_gets() -> None:
    local = Settings(port=0, ice_interfaces=("lo",))
    assert "127.0.0.1" in found(local)["media addresses"].text
    nowhere = found(Settings(port=0, ice_interfaces=("none9",)))["media addresses"]
    assert nowhere.level == "FAIL" and "ice_interfaces" in nowhere.remedy


def test_media_ports_are_tried() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = Settings(port=0, ice_interfaces=("127.0.0.1",), ice_ports=(port, port))
        assert found(settings)["media ports"].level == "FAIL"


@pytest.fixture
def turn_port(tmp_path: Path) -> Iterator[int]:
    """coturn on the loopback, with one account."""
    account = ("--lt-cred-mech", "--user=ann:secret", "--realm=test")
    with coturn(tmp_path, "-n", "--no-cli", *account) as port:
        yield port


def test_stun_and_turn_servers_are_really_asked(
    turn_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability, "ANSWER_SECONDS", 30.0)  # it, too, is behind all else
    place = f"127.0.0.1:{turn_port}"
    servers = (f"turn:ann:secret@{place}?transport=udp", f"turn:ann:secret@{place}?transport=tcp")
    told = found(Settings(port=0, ice_servers=(*servers, f"stun:{place}")))
    assert "the relay 127.0.0.1:" in told[f"turn:{place}?transport=udp"].text
    assert "the relay 127.0.0.1:" in told[f"turn:{place}?transport=tcp"].text
    assert "seen from there, 127.0.0.1:" in told[f"stun:{place}"].text
    for_pages = found(Settings(port=0, page_ice_servers=(f"stun:{place}",)))
    assert "seen from there, 127.0.0.1:" in for_pages[f"stun:{place}"].text
    wrong = found(Settings(port=0, ice_servers=(f"turn:ann:wrong@{place}?transport=udp",)))
    refused = wrong[f"turn:{place}?transport=udp"]
    assert refused.level == "FAIL" and "refused" in refused.text and "account" in refused.remedy
    assert "wrong" not in refused.text, "no password in the report"


def test_a_silent_server_fails_in_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        name = f"stun:127.0.0.1:{silent.getsockname()[1]}"
        told = found(Settings(port=0, ice_servers=(name,)))[name]
    assert told.level == "FAIL" and "no answer within 3 s" in told.text


@pytest.mark.timeout(60)
def test_the_whole_report_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERPOINT_WEIGHTS", str(tmp_path / "empty"))
    assert doctor.main(["--json", "--port", "0"]) == 1
    told = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert told["weights"]["level"] == "FAIL"
    assert "ears is missing" in told["weights"]["text"]
    assert told["weights"]["remedy"] == "run `counterpoint weights fetch`"
    assert told["torch"]["level"] == "OK"
    assert {"python", "cores", "port", "secure context", "device", "memory", "disk"} <= set(told)


def test_wrong_settings_are_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "examine", lambda settings: iter(()))
        assert doctor.main(["--port", "99999"]) == 1
    assert "FAIL  settings: port must be 0 to 65535" in capsys.readouterr().out


def test_what_serve_would_refuse_is_told(tmp_path: Path) -> None:
    def told(settings: Settings) -> Finding:
        return next(iter(doctor._allowed(settings)))

    assert told(Settings()).level == "OK"
    everybody = told(Settings(host="0.0.0.0"))
    assert everybody.level == "FAIL" and "api_keys" in everybody.text
    missing = told(Settings(api_keys=str(tmp_path / "none.jsonl")))
    assert missing.level == "FAIL" and "key new" in missing.text
    unknown = told(Settings(engine={"row": 8}))
    assert unknown.level == "FAIL" and "row" in unknown.text

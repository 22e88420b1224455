"""Certificates, keys and tokens of one control plane, made anew for each and worth nothing outside it."""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_FOR = datetime.timedelta(days=365)
_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Credentials:
    """Paths and tokens. Files are readable by their owner alone."""

    authority: Path  # PEM: what clients trust
    certificate: Path  # PEM: how the servers show themselves
    key: Path
    service_account_key: Path  # PEM: signs the tokens of ServiceAccounts
    service_account_public_key: Path
    token_file: Path  # kube-apiserver --token-auth-file
    admin_token: str
    controller_manager_token: str


def write_secret(path: Path, content: bytes) -> Path:
    """Writes a file that only its owner may read, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    part.replace(path)
    return path


def make_credentials(directory: Path) -> Credentials:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, server_key, signing_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority = _authority(authority_key)
    server = _server(server_key, authority, authority_key)
    admin, manager = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    users = (
        f'{admin},drs-sandbox-admin,drs-sandbox-admin,"system:masters"\n'
        f"{manager},system:kube-controller-manager,system:kube-controller-manager\n"
    )
    return Credentials(
        authority=write_secret(directory / "ca.crt", _pem(authority)),
        certificate=write_secret(directory / "server.crt", _pem(server)),
        key=write_secret(directory / "server.key", _private(server_key)),
        service_account_key=write_secret(directory / "service-account.key", _private(signing_key)),
        service_account_public_key=write_secret(directory / "service-account.pub", _public(signing_key)),
        token_file=write_secret(directory / "tokens.csv", users.encode()),
        admin_token=admin,
        controller_manager_token=manager,
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("drs-sandbox")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    names += [x509.DNSName(name) for name in ("localhost", "kubernetes.default.svc")]
    return (
        _builder(_name("drs-sandbox-kube"), authority.subject, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID_FOR)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    # The traditional form ("EC PRIVATE KEY") is the one that every Kubernetes program reads.
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

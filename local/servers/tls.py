"""A certificate authority of our own, and the servers' certificate for this machine's loopback names."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.servers.account import Account
from local.servers.layout import explained, write

NAMES = ("localhost",)
ADDRESSES = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
AUTHORITY_DAYS = 3650
SERVER_DAYS = 397  # what browsers and libraries bear at most
RENEW_DAYS = 30


@dataclass(frozen=True)
class Certificates:
    """Files. `authority` is for clients' sslrootcert; the authority's own key is used here alone."""

    authority: Path
    certificate: Path
    key: Path


def certificates(
    folder: Path, account: Account, *, names: Iterable[str] = (), now: datetime.datetime | None = None
) -> Certificates:
    """Those of the folder, made where missing, ending within a month, or not of one piece. Keys have mode 600.

    `names`: those by which the program knows the servers; who verifies in full asks for them, whatever they lead to.
    Clients keep the authority for as long as it is valid; only the servers' certificate is renewed before.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    all_names = (*NAMES, *sorted(names))
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority_key_file = folder / "ca.key"
    with explained():
        authority = _valid(found.authority, authority_key_file, now)
        if authority is None:
            authority = _make_authority(now)
            _save(authority, found.authority, authority_key_file, None)
        server = _valid(found.certificate, found.key, now)
        if server is None or not _signed_by(server[0], authority[0]) or not _covers(server[0], all_names):
            _save(_make_server(authority, all_names, now), found.certificate, found.key, account)
        if account.changed and found.key.stat().st_uid != account.uid:
            account.give(found.key)
    return found


Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _valid(certificate_file: Path, key_file: Path, now: datetime.datetime) -> Pair | None:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    lasting = certificate.not_valid_after_utc - datetime.timedelta(days=RENEW_DAYS)
    if not certificate.not_valid_before_utc <= now <= lasting:
        return None
    spelled = [
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for public in (certificate.public_key(), key.public_key())
    ]
    return (certificate, key) if spelled[0] == spelled[1] and not key_file.stat().st_mode & 0o077 else None


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # it raises what its backend raises
        return False
    return True


def _covers(certificate: x509.Certificate, all_names: Iterable[str]) -> bool:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(all_names) <= set(names.get_values_for_type(x509.DNSName)) and set(ADDRESSES) <= set(
        names.get_values_for_type(x509.IPAddress)
    )


def _make_authority(now: datetime.datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "LangPont local authority")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        _builder(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key


def _make_server(authority: Pair, all_names: Iterable[str], now: datetime.datetime) -> Pair:
    certificate, authority_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    names = x509.SubjectAlternativeName([*map(x509.DNSName, all_names), *map(x509.IPAddress, ADDRESSES)])
    builder = (
        _builder(subject, certificate.subject, key, now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # Python 3.13 verifies strictly and misses this one otherwise.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    return builder.sign(authority_key, hashes.SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _save(pair: Pair, certificate_file: Path, key_file: Path, account: Account | None) -> None:
    certificate, key = pair
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    write(key_file, private, account=account)
    write(certificate_file, certificate.public_bytes(Encoding.PEM).decode(), mode=0o644)

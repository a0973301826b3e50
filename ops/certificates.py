"""`certificates compare`: compares this repository's root certificates with the bundle that AWS publishes."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from ops import console
from ops.errors import OpsError

FOLDER: Final = Path(__file__).resolve().parents[1] / "certs"
REGION: Final = "ap-northeast-1"
TIMEOUT_SECONDS: Final = 20
MAX_BYTES: Final = 2**20  # the global bundle, of all regions, has 170 kB


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """One X.509 certificate. `sha256` is the fingerprint, in hexadecimal."""

    sha256: str
    subject: str
    not_after: datetime


def published(region: str) -> str:
    """Where AWS publishes the bundle of a region."""
    return f"https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem"


def compare(*, url: str, file: Path | None, region: str) -> None:
    """Print the certificates of this repository's bundle and of the file's, or else the URL's, and which has each.

    `url`: empty is where AWS publishes the region's. Raises OpsError if they differ, or cannot be compared.
    """
    bundle = FOLDER / f"{region}-bundle.pem"
    if not bundle.is_file():
        served = ", ".join(sorted(each.name.removesuffix("-bundle.pem") for each in FOLDER.glob("*-bundle.pem")))
        raise OpsError(f"--region {region} has no bundle in certs/. Choose from {served}.")
    url = url or published(region)
    source = url if file is None else str(file)
    here = read(str(bundle), _file(bundle), region)
    there = read(source, _fetch(url, region) if file is None else _file(file), region)
    rows = []
    for fingerprint in dict.fromkeys([*here, *there]):
        where = "both" if fingerprint in here and fingerprint in there else ("here" if fingerprint in here else "there")
        certificate = here.get(fingerprint) or there[fingerprint]
        only = where if where == "both" else f"only {where}"
        rows.append((only, certificate.subject, f"until {certificate.not_after:%Y-%m-%d}", f"sha256 {fingerprint}"))
    console.table(rows)
    console.say(f"here:  {console.count(len(here), 'certificate')} in {bundle.parent.name}/{bundle.name}")
    console.say(f"there: {console.count(len(there), 'certificate')} in {source}")
    if here.keys() != there.keys():
        raise OpsError(
            "The bundles differ. Find out why before anything trusts a new certificate; certs/README.md says how one "
            "is added."
        )
    console.say("They hold the same certificates.")


def read(name: str, pem: bytes, region: str = REGION) -> dict[str, Certificate]:
    """Parse a PEM bundle into certificates by fingerprint. Raises OpsError if it is none. `name` is for errors."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        way_out = f"Compare with AWS's: {published(region)}"
        raise OpsError(f"{name} is not a bundle of certificates in PEM. {way_out}") from None
    certificates = (
        Certificate(sha256=each.fingerprint(SHA256()).hex(), subject=_subject(each), not_after=each.not_valid_after_utc)
        for each in found
    )
    return {each.sha256: each for each in certificates}


def _subject(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OpsError(f"{path} cannot be read: {error.strerror}. Name a file of certificates in PEM.") from None


def _fetch(url: str, region: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise OpsError(f"--url {url} is no web address. Write it like {published(region)}")
    way_out = "Check the network, or fetch the file elsewhere and name it: python -m ops certificates compare FILE"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise OpsError(f"{url} answers {error.code} {error.reason}. {way_out}") from None
    except (OSError, HTTPException, ValueError) as error:  # URLError and timeouts are OSErrors
        raise OpsError(f"{url} cannot be reached: {getattr(error, 'reason', error)}. {way_out}") from None
    if len(content) > MAX_BYTES:
        raise OpsError(f"{url} is longer than any bundle of AWS ({MAX_BYTES} bytes). {way_out}")
    return content

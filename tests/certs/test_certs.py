"""The root certificates: the file holds what is written beside it, and each of them can be asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from blueprint.settings import Database

CERTS = Path(__file__).parents[2] / "certs"
BUNDLE = CERTS / "ap-northeast-1-bundle.pem"
WRITTEN = json.loads((CERTS / "fingerprints.json").read_text())


def certificates() -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(BUNDLE.read_bytes())


def test_the_bundle_is_what_is_written_beside_it() -> None:
    found = [
        {
            "commonName": certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value,
            "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
            "notBefore": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notAfter": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for certificate in certificates()
    ]
    assert found == [{key: row[key] for key in found[0]} for row in WRITTEN["certificates"]]


def test_there_is_one_certificate_for_each_authority_of_the_settings() -> None:
    authorities = get_args(Database.model_fields["ca_certificate"].annotation)
    assert sorted(row["ca"] for row in WRITTEN["certificates"]) == sorted(authorities)


def test_each_is_an_authority_that_signed_itself_and_lasts() -> None:
    for certificate in certificates():
        certificate.verify_directly_issued_by(certificate)
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        # A year to bring the next ones to every host.
        assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=365)

"""The root certificates: the file holds what is written beside it, and each of them can be asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from blueprint.aws.regions import REGIONS
from blueprint.settings import Database

CERTS = Path(__file__).parents[2] / "certs"
WRITTEN = json.loads((CERTS / "fingerprints.json").read_text())["regions"]
SERVED = sorted(name for name, row in REGIONS.items() if row.certificates)


def certificates(region: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((CERTS / f"{region}-bundle.pem").read_bytes())


def test_each_region_that_is_served_has_its_file_and_no_other_has() -> None:
    assert sorted(path.name.removesuffix("-bundle.pem") for path in CERTS.glob("*.pem")) == SERVED == sorted(WRITTEN)


@pytest.mark.parametrize("region", SERVED)
def test_a_bundle_is_what_is_written_beside_it(region: str) -> None:
    found = [
        {
            "commonName": certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value,
            "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
            "notBefore": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notAfter": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for certificate in certificates(region)
    ]
    assert found == [{key: row[key] for key in found[0]} for row in WRITTEN[region]]
    assert all(f" {region} " in str(row["commonName"]) for row in found)


@pytest.mark.parametrize("region", SERVED)
def test_there_is_one_certificate_for_each_authority_of_the_settings(region: str) -> None:
    authorities = get_args(Database.model_fields["ca_certificate"].annotation)
    assert sorted(row["ca"] for row in WRITTEN[region]) == sorted(authorities)


@pytest.mark.parametrize("region", SERVED)
def test_each_is_an_authority_that_signed_itself_and_lasts(region: str) -> None:
    for certificate in certificates(region):
        certificate.verify_directly_issued_by(certificate)
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        # A year to bring the next ones to every host.
        assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=365)

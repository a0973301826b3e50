"""`certificates compare`: by fingerprint, against a file and against a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from ops import certificates
from tests.ops import Outcome

Ops = Callable[..., Outcome]
PARTING = (
    "ops: The bundles differ. Find out why before anything trusts a new certificate; certs/README.md says how one is "
    "added.\n"
)


PUBLISHED = certificates.published("ap-northeast-1")


def authority(name: str, until: int) -> tuple[str, str]:
    """A certificate that signed itself, in PEM, and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2021, 5, 25, tzinfo=UTC))
        .not_valid_after(datetime(until, 5, 25, tzinfo=UTC))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode(), made.fingerprint(SHA256()).hex()


@pytest.fixture(scope="module")
def authorities() -> dict[str, tuple[str, str]]:
    return {"G1": authority("Root G1", 2061), "G2": authority("Root G2", 2125), "Old": authority("Root Old", 2024)}


@pytest.fixture
def bundle(authorities: dict[str, tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This repository's bundle, as if it held one certificate."""
    path = tmp_path / "certs" / "ap-northeast-1-bundle.pem"
    path.parent.mkdir()
    path.write_text(authorities["G1"][0])
    monkeypatch.setattr(certificates, "FOLDER", path.parent)
    return path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server, and the folder whose files it serves."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_same_certificates_in_another_order_are_the_same(
    ops: Ops, bundle: Path, authorities: dict[str, tuple[str, str]], site: tuple[str, Path]
) -> None:
    (one, one_print), (two, two_print) = authorities["G1"], authorities["G2"]
    bundle.write_text(one + two)
    (site[1] / "bundle.pem").write_text(f"# a remark\n{two}{one}")
    url = f"{site[0]}/bundle.pem"
    assert ops("certificates", "compare", "--url", url) == Outcome(
        0,
        f"both  Root G1  until 2061-05-25  sha256 {one_print}\n"
        f"both  Root G2  until 2125-05-25  sha256 {two_print}\n"
        "here:  2 certificates in certs/ap-northeast-1-bundle.pem\n"
        f"there: 2 certificates in {url}\n"
        "They hold the same certificates.\n",
        "",
    )


def test_a_difference_names_both_sides_and_exits_with_1(
    ops: Ops, bundle: Path, authorities: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    bundle.write_text(authorities["Old"][0] + authorities["G1"][0])
    other = tmp_path / "other.pem"
    other.write_text(authorities["G1"][0] + authorities["G2"][0])
    assert ops("certificates", "compare", str(other)) == Outcome(
        1,
        f"only here   Root Old  until 2024-05-25  sha256 {authorities['Old'][1]}\n"
        f"both        Root G1   until 2061-05-25  sha256 {authorities['G1'][1]}\n"
        f"only there  Root G2   until 2125-05-25  sha256 {authorities['G2'][1]}\n"
        "here:  2 certificates in certs/ap-northeast-1-bundle.pem\n"
        f"there: 2 certificates in {other}\n",
        PARTING,
    )


def test_the_same_name_with_another_key_is_another_certificate(ops: Ops, bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(authority("Root G1", 2061)[0])
    code, out, err = ops("certificates", "compare", str(other))
    assert (code, err) == (1, PARTING)
    assert [line.split("  ")[0] for line in out.splitlines()[:2]] == ["only here", "only there"]


def test_the_repositorys_bundle_is_what_is_compared(ops: Ops) -> None:
    code, out, err = ops(
        "certificates", "compare", str(Path(__file__).parents[2] / "certs" / "ap-northeast-1-bundle.pem")
    )
    assert (code, err) == (0, "")
    assert [line[:49] for line in out.splitlines()[:3]] == [
        "both  Amazon RDS ap-northeast-1 Root CA RSA2048 G",
        "both  Amazon RDS ap-northeast-1 Root CA RSA4096 G",
        "both  Amazon RDS ap-northeast-1 Root CA ECC384 G1",
    ]


def test_what_cannot_be_fetched_is_a_sentence(ops: Ops, bundle: Path, site: tuple[str, Path]) -> None:
    way_out = "Check the network, or fetch the file elsewhere and name it: python -m ops certificates compare FILE"
    url = f"{site[0]}/nothing.pem"
    assert ops("certificates", "compare", "--url", url) == Outcome(
        1, "", f"ops: {url} answers 404 File not found. {way_out}\n"
    )
    closed = "http://127.0.0.1:1/bundle.pem"
    assert ops("certificates", "compare", "--url", closed) == Outcome(
        1, "", f"ops: {closed} cannot be reached: [Errno 111] Connection refused. {way_out}\n"
    )


@pytest.mark.parametrize(
    "content", ["<html>sorry</html>", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_bundle_is_a_sentence(ops: Ops, bundle: Path, tmp_path: Path, content: str) -> None:
    other = tmp_path / "other.pem"
    other.write_text(content)
    assert ops("certificates", "compare", str(other)) == Outcome(
        1,
        "",
        f"ops: {other} is not a bundle of certificates in PEM. Compare with AWS's: "
        "https://truststore.pki.rds.amazonaws.com/ap-northeast-1/ap-northeast-1-bundle.pem\n",
    )


def test_what_is_longer_than_any_bundle_is_not_read_to_its_end(ops: Ops, bundle: Path, site: tuple[str, Path]) -> None:
    (site[1] / "long.pem").write_bytes(b"x" * (certificates.MAX_BYTES + 1))
    code, _, err = ops("certificates", "compare", "--url", f"{site[0]}/long.pem")
    assert code == 1
    assert err.startswith(f"ops: {site[0]}/long.pem is longer than any bundle of AWS (1048576 bytes). ")


def test_a_missing_file_and_a_misshapen_address_are_sentences(ops: Ops, bundle: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    assert ops("certificates", "compare", str(missing)) == Outcome(
        1, "", f"ops: {missing} cannot be read: No such file or directory. Name a file of certificates in PEM.\n"
    )
    assert ops("certificates", "compare", "--url", "file:///etc/passwd") == Outcome(
        1, "", f"ops: --url file:///etc/passwd is no web address. Write it like {PUBLISHED}\n"
    )


def test_another_region_has_its_own_bundle_and_one_without_is_refused(ops: Ops) -> None:
    of = str(Path(__file__).parents[2] / "certs" / "us-east-1-bundle.pem")
    assert ops("certificates", "compare", "--region", "us-east-1", of).code == 0
    assert ops("certificates", "compare", of).code == 1
    refused = ops("certificates", "compare", "--region", "moon")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("ops: --region moon has no bundle in certs/. Choose from af-south-1, ap-east-1, ")

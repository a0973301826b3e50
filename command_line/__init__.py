"""How a command begins and ends: Ctrl-C, a reader that went away, a full disk. The standard library alone."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

FAILED = 1
INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
_AGAIN_SECONDS = 0.02
# What the end of a terminal and of a service send means the same as Ctrl-C: stop, and tidy up.
_OTHERS = (signal.SIGTERM, signal.SIGHUP)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def begin() -> None:
    """Let Ctrl-C end the process without a traceback while the command's modules are imported.

    Call it before importing them; `run` takes over. A SIGINT that is ignored, as in a shell's background job, stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def run(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process: with the number that it returns or exits with, else 0.

    Ctrl-C, SIGTERM and SIGHUP raise `KeyboardInterrupt` in it; the exit code is then 130. What state things are in is
    for the command to say. Output that nobody reads any more is dropped without a word, and the command goes on to its
    own exit code; output to a full disk ends it with 1 and a sentence on standard error.
    """
    if signal.getsignal(signal.SIGINT) in (_leave, signal.default_int_handler):
        signal.signal(signal.SIGINT, _interrupt)
    for number in _OTHERS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    sys.stdout, sys.stderr = _whether_read_or_not(sys.stdout), _whether_read_or_not(sys.stderr)
    code = _code(command)
    if code == INTERRUPTED:  # at once: nothing is left to be tidied up, and threads that wait for somebody go too
        for file in (sys.stdout, sys.stderr):
            with suppress(OSError):
                file.flush()
        os._exit(code)
    for number in (signal.SIGINT, *_OTHERS):  # all is done and printed, and said with this code
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, lambda *_: os._exit(code))
    # Searching all objects for garbage at exit takes as long as a short command.
    gc.freeze()
    # Python ends a module by SIGINT instead of its exit code if Ctrl-C came while it ran a string of code, as each
    # dataclass does at import, even if the interruption was handled; the next such string makes it forget that.
    exec("")
    sys.exit(code)


def _code(command: Callable[[], object]) -> int:
    try:
        try:
            result = command()
        except SystemExit as end:
            result = end.code
        sys.stdout.flush()
    except KeyboardInterrupt:
        _tell("Interrupted.")
        return INTERRUPTED
    except OSError as error:
        # Who writes a file says which; what has no name here is the output.
        if error.filename is not None or error.errno not in _FULL:
            raise
        _write_nowhere(sys.stdout.fileno())
        _tell(f"The output cannot be written: {error.strerror}. Make room, or write it elsewhere.")
        return FAILED
    if isinstance(result, str):  # sys.exit("why")
        _tell(result)
        return FAILED
    return result if isinstance(result, int) else 0


class _Unread(io.FileIO):
    """A descriptor that leads nowhere once its reader has gone.

    Typer and rich would end the command there with 1, whatever it had to say: `make preview | head` failed.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            _write_nowhere(self.fileno())
            return super().write(data) or 0


def _whether_read_or_not(stream: Any) -> Any:
    """The same stream on an `_Unread`; on nothing, where the shell has closed it (`>&-`) and Python has None for it."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    stream.flush()
    raw = _Unread(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw), encoding=stream.encoding,
        # A tag in Japanese on a terminal that only knows ASCII is shown as \\u..., and no reason to end.
        errors="backslashreplace" if stream.errors == "strict" else stream.errors,
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip


def _write_nowhere(descriptor: int) -> None:
    """What is still buffered cannot be written either, and Python would say so at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _tell(sentence: str) -> None:
    with suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)


def _interrupt(number: int, _: object) -> NoReturn:
    # What it leaves half made, such as an event loop, cannot be closed, and Python would say so when it drops it.
    sys.unraisablehook = partial(_unraisable, number)
    raise KeyboardInterrupt


def _unraisable(number: int, what: sys.UnraisableHookArgs) -> None:
    """Say nothing; and interrupt again, a moment later, where Python could not raise it.

    Such a place is a destructor, or the callback by which each import ends.
    """
    if what.exc_type is KeyboardInterrupt:
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)


def _leave(*_: object) -> NoReturn:
    with suppress(OSError):
        os.write(2, b"Interrupted. Nothing was begun.\n")
    os._exit(INTERRUPTED)

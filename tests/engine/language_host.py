"""The CLI's Python language host, made of the SDK's own language server: it runs `__main__.py` and policy packs.

The CLI starts `pulumi-language-python`, which lies beside it, and reads a port from its standard output. A released CLI
brings a host of its own; the CLI's Go module does not.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import queue
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent import futures
from contextlib import suppress
from typing import Any, BinaryIO

import grpc
from google.protobuf import empty_pb2
from pulumi import RunError, log
from pulumi.automation._server import LanguageServer
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

TOLD = 32  # exit code of a program that has reported what the user must do
MESSAGE_BYTES = 400 * 2**20  # as the SDK sets it: a checkpoint is one message


class LanguageHost(LanguageServer):
    """`LanguageRuntime` of Pulumi's protocol. The SDK's server runs a function; here it is the project's program."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the interface's name
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        return iter(())

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetProgramDependenciesResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        return contextvars.copy_context().run(self._run, request)

    def _run(self, request: Any) -> Any:
        """As `pulumi-language-python-exec` runs a program, and as the host that starts it tells the engine its end."""
        reset_options(
            project=request.project, stack=request.stack, parallel=request.parallel, preview=request.dryRun,
            monitor_address=request.monitor_address, engine_address=sys.argv[-1], organization=request.organization,
        )  # fmt: skip
        set_all_config(dict(request.config), list(request.configSecretKeys))
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        loop = asyncio.new_event_loop()
        loop.set_default_executor(futures.ThreadPoolExecutor(max_workers=max(request.parallel, 1) * 4))
        root, code = request.info.program_directory or request.pwd, 0
        try:
            loop.run_until_complete(run_in_stack(lambda: _program(root)))
        except RunError as error:
            log.error(str(error))
            code = 1
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:
            log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
            code = TOLD
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
                with suppress(BaseException):
                    loop.run_until_complete(task)
            loop.close()
        if code == TOLD:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        folder = request.info.program_directory
        command = [sys.executable, "-u", "-m", "pulumi.policy", *request.args, folder]
        environment = dict(each.split("=", 1) for each in request.env) if request.env else dict(os.environ)
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        lines: queue.Queue[tuple[str, bytes | None]] = queue.Queue()
        for name, file in (("stdout", process.stdout), ("stderr", process.stderr)):
            threading.Thread(target=_pump, args=(name, file, lines), daemon=True).start()
        context.add_callback(process.terminate)
        open_ = 2
        while open_:
            name, line = lines.get()
            if line is None:
                open_ -= 1
            else:
                yield _output(name, line)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _program(root: str) -> None:
    os.chdir(root)
    sys.path.insert(0, root)
    sys.argv[:1] = [root]
    runpy.run_path(os.path.join(root, "__main__.py"), run_name="__main__")


def _output(name: str, line: bytes) -> Any:
    if name == "stdout":
        return language_pb2.RunPluginResponse(stdout=line)
    return language_pb2.RunPluginResponse(stderr=line)


def _pump(name: str, file: BinaryIO, lines: queue.Queue[tuple[str, bytes | None]]) -> None:
    for line in iter(file.readline, b""):
        lines.put((name, line))
    lines.put((name, None))


def main() -> None:
    """Serve until the CLI ends this process, or is gone."""
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    cli = os.getppid()
    with suppress(KeyboardInterrupt):  # how the CLI ends it, unless it is killed itself
        while server.wait_for_termination(timeout=1):
            if os.getppid() != cli:
                os._exit(1)  # a program that is being run waits for answers of an engine that is gone


if __name__ == "__main__":
    main()

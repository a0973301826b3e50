"""The recording engine: runs the real `__main__.py` on Pulumi's own test interface and keeps what it registers."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import mocks, resource, rpc
from pulumi.runtime.proto import resource_pb2, source_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from recording.archives import loaded
from recording.recording import Recording, Registration, Secret, Unknown, decode, decode_struct, unknown_paths
from recording.stack_files import StackFile
from resource_types import TYPES, file_of

STACK_TYPE = "pulumi:pulumi:Stack"
_ROUND_SECONDS = 0.05


class EngineRefusal(Exception):
    """The program did what a real engine or provider would refuse; the message names the resource and the way out."""


class Provider(Protocol):
    """A provider: answers registrations with what AWS would have computed."""

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """The id and the computed outputs. Raises `EngineRefusal` for a type it does not know."""

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a lookup. Raises `EngineRefusal` for one it does not know."""


def record(stack_file: StackFile, provider: Provider, *, preview: bool, asked: bool = False) -> Recording:
    """Run the program once.

    With `preview` the engine answers as before the first deployment: ids and computed outputs are unknown. Without, it
    answers as an update does, and an output that `provider` did not supply must not reach an input or a stack output.
    With `asked` too it answers as the preview of an update: `provider` says what is known, and `UNKNOWN` for the rest.

    Raises `pulumi.RunError` for the program's own refusals (a wrong setting), `EngineRefusal` for ours, and
    `KeyboardInterrupt` at the next registration after Ctrl-C, or earlier.
    """
    # A context of its own: nothing of Pulumi's configuration, root resource or settings is left for the next run.
    with _collector_paused():
        return contextvars.Context().run(_record, stack_file, provider, preview, asked)


def _record(stack_file: StackFile, provider: Provider, preview: bool, asked: bool) -> Recording:
    recording = Recording(stack=stack_file.stack, project=stack_file.project, preview=preview)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Inline())
    loop.set_exception_handler(lambda *_: None)  # what matters is raised below
    asyncio.set_event_loop(loop)
    interruption = _Interruption()
    try:
        with _output_strings_refused(), _project_modules_forgotten(), _positions_left_out():
            monitor = _Monitor(recording, provider, stack_file.root, interruption, asked)
            mocks.set_mocks(
                _NoMocks(),
                project=stack_file.project,
                stack=stack_file.stack,
                preview=preview,
                monitor=monitor,
                organization="organization",
            )
            SETTINGS.engine = _Engine(_logger(recording))
            # set_mocks makes a stack resource that is finished before the program runs; the language host's own entry
            # point makes one whose outputs are registered after it, which is what a deployment does.
            set_root_resource(None)  # type: ignore[arg-type]
            # What Pulumi waits for is one set for all contexts until a context has its own: a failed run's would stay.
            SETTINGS.outputs = set()
            pulumi.runtime.set_all_config(dict(stack_file.config), list(stack_file.secret_keys))
            with interruption.ends(loop.create_task(run_in_stack(lambda: _program(stack_file)))) as run:
                loop.run_until_complete(run)
            interruption.check()  # it may have come where Python can raise nothing, after the last registration
            monitor.check_complete()
    except BaseException as error:
        interruption.check()
        if not isinstance(error, SystemExit):
            raise
        # The program has logged why, as the last thing that it did.
        said = recording.warnings[-1] if recording.warnings else f"The program ended: {error}"
        raise pulumi.RunError(said) from None
    finally:
        _close(loop)
    return recording


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel tasks that a failed run left waiting: its one exception is raised, without the consequences beside it."""
    loop.set_exception_handler(lambda *_: None)
    failed = False
    while tasks := asyncio.all_tasks(loop):  # ending some begins others
        failed = True
        for task in tasks:
            task.cancel()
        ended, _ = loop.run_until_complete(asyncio.wait(tasks, timeout=_ROUND_SECONDS))
        # An interruption before a step of a task has lost that step: cancelled or not, the task never ends.
        if not ended:
            break
    if failed:
        gc.collect()  # coroutines that never began end here, and not later in a loop that is closed
    asyncio.set_event_loop(None)
    loop.close()


class _Interruption:
    """Ctrl-C while the program runs. It is not enough to raise KeyboardInterrupt: Pulumi keeps it until every output is
    resolved, and a registration that it came into never resolves its own."""

    def __init__(self) -> None:
        self._came = False

    def check(self) -> None:
        """Raises KeyboardInterrupt if one came, whoever caught it in between."""
        if self._came:
            raise KeyboardInterrupt from None

    @contextmanager
    def ends(self, run: asyncio.Task[None]) -> Iterator[asyncio.Task[None]]:
        """Let an interruption end the run, beside what it does otherwise."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        if threading.current_thread() is not threading.main_thread():  # no signal comes here
            before = {}

        def interrupted(number: int, frame: Any) -> None:
            handler = before[signal.Signals(number)]
            assert callable(handler)
            self._came = True
            run.get_loop().call_soon_threadsafe(run.cancel)
            handler(number, frame)

        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, interrupted)
        try:
            yield run
        finally:
            for number, handler in before.items():
                if callable(handler):
                    signal.signal(number, handler)


def _program(stack_file: StackFile) -> None:
    sys.path.insert(0, str(stack_file.root))
    try:
        program = str(stack_file.root / "__main__.py")
        runpy.run_path(program, init_globals={"STACK_FILE": stack_file.path}, run_name="__main__")
    finally:
        sys.path.remove(str(stack_file.root))


class _Monitor(mocks.MockMonitor):
    def __init__(
        self, recording: Recording, provider: Provider, root: Path, interruption: _Interruption, asked: bool
    ) -> None:
        super().__init__(_NoMocks())
        self._recording = recording
        self._provider = provider
        self._root = root
        self._interruption = interruption
        self._asked = asked

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the interface's name
        self._interruption.check()
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        registration = _registration(urn, request, self._root)
        if urn in self._recording.registrations:
            raise EngineRefusal(f"{registration.identity} is registered twice. Give each its own logical name.")
        self._recording.registrations[urn] = registration
        response = resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if not request.custom or (self._recording.preview and not self._asked):
            return response
        if not self._recording.preview:
            self._refuse_unknown(registration.identity, registration.inputs, registration.property_dependencies)
        id_, outputs = self._provider.create(registration)
        response.id = id_
        response.unknown = True  # what is not answered stays unknown instead of becoming None, and is refused above
        for key, value in outputs.items():
            response.object[key] = _encode(value)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        outputs = decode_struct(request.outputs)
        if request.urn.split("::")[2] == STACK_TYPE:
            self._recording.outputs = outputs
            if not self._recording.preview:
                self._refuse_unknown("the stack", outputs, {})
        else:
            self._recording.component_outputs[request.urn] = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        answer = self._provider.invoke(request.tok, decode_struct(request.args))
        response = resource_pb2.ResourceInvokeResponse()
        for key, value in answer.items():
            getattr(response, "return")[key] = _encode(value)
        return response

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        raise EngineRefusal(f"{request.type} {request.name} is read from the cloud; this program creates all it needs.")

    def check_complete(self) -> None:
        """Check that every component called register_outputs, the mark of a constructor that ran to its end."""
        open_ = [
            r.identity
            for r in self._recording.registrations.values()
            if not r.custom and r.urn not in self._recording.component_outputs
        ]
        if open_:
            raise EngineRefusal(f"{', '.join(open_)}: register_outputs was not called. Call it once, last.")

    @staticmethod
    def _refuse_unknown(who: str, values: Mapping[str, Any], dependencies: Mapping[str, frozenset[str]]) -> None:
        for path in unknown_paths(values):
            key = path.split(".")[0].split("[")[0]
            urns = sorted(dependencies.get(key, ()), key=lambda urn: urn.split("::")[-1])
            sources = ", ".join(urn.split("::")[-1] for urn in urns) or "another resource"
            types = {urn.split("::")[2].split("$")[-1] for urn in urns}
            files = sorted({file_of(type_) for type_ in types if type_ in TYPES})
            raise EngineRefusal(
                f"{who}: {path} takes an output of {sources} that nobody answered. Name it among the outputs of the "
                f"type's row in {' or '.join(files) or 'resource_types'}, if the provider has such an output."
            )


class _Engine(mocks.MockEngine):
    def RequirePulumiVersion(self, request: Any) -> Any:  # noqa: N802 - the interface's name
        return empty_pb2.Empty()  # there is no CLI here whose version could be wrong


class _NoMocks(mocks.Mocks):
    """Mocks that refuse everything: the monitor answers itself, and what reaches these is a call nobody planned."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise EngineRefusal(f"{args.typ} {args.name}: an unplanned registration")

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise EngineRefusal(f"{args.token}: an unplanned call")


class _Inline(ThreadPoolExecutor):
    """An executor without threads: the monitor only computes, and threads would only shuffle the order."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # an interrupt goes on from here, and not when somebody asks the future
            future.set_exception(error)
        return future


def _registration(urn: str, request: Any, root: Path) -> Registration:
    return Registration(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=request.custom,
        inputs={name: loaded(value, root) for name, value in decode_struct(request.object).items()},
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace,
        ignore_changes=tuple(request.ignoreChanges),
        aliases=len(request.aliases) + len(request.aliasURNs),
        former_names=tuple(alias.spec.name for alias in request.aliases if alias.spec.name),
        replace_with=frozenset(request.replace_with),
        replace_on_changes=tuple(request.replaceOnChanges),
        replacement_trigger=decode(request.replacement_trigger),
        dependencies=frozenset(request.dependencies),
        property_dependencies={k: frozenset(v.urns) for k, v in request.propertyDependencies.items()},
        secret_outputs=tuple(request.additionalSecretOutputs),
    )


def _encode(value: Any) -> Any:
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isinstance(value, Secret):
        return {rpc._special_sig_key: rpc._special_secret_sig, "value": value.value}
    return value


def _logger(recording: Recording) -> logging.Logger:
    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                recording.warnings.append(record.getMessage())

    logger = logging.Logger("program", logging.INFO)  # unregistered: one run's handler is not the next one's
    logger.addHandler(Keep())
    return logger


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector: a run makes 100,000s of objects and drops none; collecting takes half the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _output_strings_refused() -> Iterator[None]:
    """PULUMI_ERROR_OUTPUT_STRING: `str()` and f-strings on an output raise instead of giving a text about outputs."""
    key, before = "PULUMI_ERROR_OUTPUT_STRING", os.environ.get("PULUMI_ERROR_OUTPUT_STRING")
    os.environ[key] = "true"
    try:
        yield
    finally:
        os.environ.pop(key)
        if before is not None:
            os.environ[key] = before


@contextmanager
def _positions_left_out() -> Iterator[None]:
    """Leave out where each resource was made, for which Pulumi reads every frame of the stack: nobody asks for it."""
    before = resource._get_stack_trace
    resource._get_stack_trace = source_pb2.StackTrace
    try:
        yield
    finally:
        resource._get_stack_trace = before


@contextmanager
def _project_modules_forgotten() -> Iterator[None]:
    """Forget `components` in sys.modules, so that a value read at import is never that of another run."""
    _forget_components()
    try:
        yield
    finally:
        _forget_components()


def _forget_components() -> None:
    for name in [n for n in sys.modules if n == "components" or n.startswith("components.")]:
        del sys.modules[name]

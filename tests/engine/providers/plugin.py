"""What every provider plugin answers alike in Pulumi's ResourceProvider protocol."""

from __future__ import annotations

from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """A plugin of `version`, which the engine attaches to and whose configuration never changes."""

    def __init__(self, version: str) -> None:
        self._version = version

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802 - the interface's names
        return empty_pb2.Empty()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

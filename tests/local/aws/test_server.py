"""The moto server as a process."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from local.aws.clients import Clients
from local.aws.server import SEED, MotoServer, ServerError, seed, start_server
from local.loopback import HOST
from tests.recordings import REGION


def test_a_server_is_recognised_from_a_state_file(server: MotoServer) -> None:
    read = MotoServer.from_json(json.loads(json.dumps(server.to_json())))
    assert read == server
    assert read.alive()


@pytest.mark.parametrize("value", [{}, {"port": 1}, {"port": "1", "process": {}}])
def test_a_broken_state_file_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="^not a "):
        MotoServer.from_json(value)


def test_another_process_on_its_number_is_not_it(server: MotoServer) -> None:
    earlier = replace(server, process=replace(server.process, started="another boot:1"))
    assert not earlier.alive()
    earlier.stop()
    assert server.alive()


def test_it_listens_on_loopback_alone_and_no_other_origin_may_read_it(server: MotoServer) -> None:
    request = urllib.request.Request(server.endpoint + "/moto-api/", headers={"Origin": "https://evil.example"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    bound = [line.split()[1] for line in listening if line.split()[1].endswith(f":{server.port:04X}")]
    assert {address.split(":")[0] for address in bound} == {"0100007F"}


def test_managed_policies_exist(server: MotoServer) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
    assert Clients(server.endpoint, REGION).get("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        expected = (
            f"Port {port} on 127.0.0.1 is taken, and the control plane was to listen there. "
            f"End what listens (ss -ltnp 'sport = :{port}'), or choose another port."
        )
        with pytest.raises(ServerError, match=f"^{re.escape(expected)}$"):
            start_server(tmp_path / "moto.log", port)


def test_a_stopped_server_is_gone_and_says_so(tmp_path: Path) -> None:
    server = start_server(tmp_path / "moto.log")
    server.stop()
    assert not server.alive()
    expected = rf"^The control plane at {server.endpoint} does not answer: .*(refused|reset).*\. Start it again\.$"
    with pytest.raises(ServerError, match=expected):
        server.reset()


def test_the_operators_own_aws_configuration_does_not_matter(
    server: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    seed(server.endpoint, SEED)
    assert Clients(server.endpoint, REGION).account()["Account"] == "123456789012"

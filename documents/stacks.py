"""A stack for the documents: its blueprint, its recording, and logical names for the recording's made-up ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blueprint.platform import Platform
from blueprint.stack_file.load import load as load_settings
from documents.backtest.verdicts import BackTest, back_test
from recording import stack_files
from recording.answers import ACCOUNT, Answers
from recording.engine import record
from recording.recording import Component, Recording, Registration, reveal


@dataclass(frozen=True)
class Stack:
    """One stack, recorded as an update: with ids, all of which are made up."""

    platform: Platform
    recording: Recording

    @property
    def name(self) -> str:
        """The stack's name, as in Pulumi.<name>.yaml."""
        return self.platform.settings.environment

    @property
    def components(self) -> list[Component]:
        """Components by logical name, each with its own children, sorted by type and name."""
        return self.recording.components

    @cached_property
    def back_test(self) -> BackTest:
        """Its alarms under all scenarios."""
        return back_test(self.platform)

    def inputs(self, registration: Registration) -> dict[str, Any]:
        """The inputs of a resource with secrets revealed: for counting, never for showing."""
        revealed: dict[str, Any] = reveal(registration.inputs)
        return revealed

    def short(self, name: str) -> str:
        """A logical name without the stack's prefix."""
        return name.removeprefix(f"{self.platform.naming.prefix}-")

    @cached_property
    def _by_id(self) -> Mapping[str, Registration]:
        """Registrations by id, and by ARN if there is one: what stands for them in other resources' inputs."""
        answers = Answers(self.platform.settings.region)
        found: dict[str, Registration] = {}
        for registration in self.recording.registrations.values():
            if registration.custom:
                id_, outputs = answers.create(registration)
                for key in (id_, outputs.get("arn")):
                    if isinstance(key, str):
                        found.setdefault(key, registration)  # a topic's policy has the topic's ARN for its id
        return found

    def of_id(self, id_: str) -> Registration:
        """The resource with this id or ARN. Raises `KeyError` for one that no resource of the stack has."""
        return self._by_id[id_]

    def readable(self, text: str) -> str:
        """Replace ids and ARNs of the stack in a text by logical names, and the account by `<account>`."""
        if text in self._by_id:
            return self.short(self._by_id[text].name)
        return self._ids.sub(lambda found: f"<{self.short(self._by_id[found[0]].name)}>", text).replace(
            ACCOUNT, "<account>"
        )

    @cached_property
    def _ids(self) -> re.Pattern[str]:
        # Ids with digits of a hash in them; a plain name stays what it is. The longest first: an ARN holds a name.
        ids = [key for key in self._by_id if re.search(r"[0-9a-fA-F]{17}", key) or key.startswith("arn:")]
        return re.compile("|".join(re.escape(key) for key in sorted(ids, key=len, reverse=True)))


def load(root: Path, name: str) -> Stack:
    """Run the program in `root` on a stack's file. Raises `StackFileError`, `pulumi.RunError` and `EngineRefusal`."""
    file = stack_files.load(root, name)
    region = file.config["aws:region"]
    recording = record(file, Answers(region), preview=False)
    return Stack(Platform(load_settings(file.sections(), environment=name, region=region)), recording)

"""The recording engine's traps: each is something that a fake would accept and a real engine or provider would not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import resource

from recording.answers import Answers
from recording.engine import EngineRefusal, record
from recording.recording import UNKNOWN, Recording, Secret
from recording.stack_files import load
from resource_types import TYPES
from resource_types.model import Bill, Call, ResourceType

Run = Callable[..., Recording]

COMPONENT = """
import pulumi, pulumi_aws as aws, pulumi_random as random
class Part(pulumi.ComponentResource):
    def __init__(self, name, done=True):
        super().__init__("test:index:Part", name)
        self.vpc = aws.ec2.Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(parent=self))
        if done:
            self.register_outputs({"vpcId": self.vpc.id})
"""
BUCKET = 'bucket = aws.s3.Bucket("one", bucket="two")\npulumi.export("arn", bucket.arn)'
UNANSWERED = 'vpc = Part("one").vpc\naws.ec2.Subnet("two", vpc_id=vpc.id, ipv6_cidr_block=vpc.ipv6_cidr_block)'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program text in a project of its own."""

    def go(program: str, *, preview: bool = False, config: str = "{}", stack: str = "test") -> Recording:
        (tmp_path / "Pulumi.yaml").write_text("name: project\nruntime: python\n")
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(f"config: {config}\n")
        (tmp_path / "__main__.py").write_text(COMPONENT + program)
        return record(load(tmp_path, stack), Answers("ap-northeast-1"), preview=preview)

    return go


def test_a_registration_keeps_inputs_parent_and_outputs(run: Run) -> None:
    recording = run('part = Part("one"); pulumi.export("vpc", part.vpc.id)')
    vpc = recording.one("aws:ec2/vpc:Vpc", "one-vpc")
    assert vpc.inputs == {"cidrBlock": "10.0.0.0/16"}
    assert vpc.parent == "urn:pulumi:test::project::pulumi:pulumi:Stack$test:index:Part::one"
    assert recording.outputs == {"vpc": recording.component_outputs[vpc.parent]["vpcId"]}
    assert recording.outputs["vpc"].startswith("vpc-")


def test_a_first_preview_knows_nothing_that_the_provider_computes(run: Run) -> None:
    recording = run('part = Part("one"); pulumi.export("vpc", part.vpc.id)', preview=True)
    assert recording.outputs == {"vpc": UNKNOWN}


def test_an_unknown_resource_type_is_refused_by_name(run: Run) -> None:
    with pytest.raises(
        EngineRefusal,
        match=r"^aws:s3/bucket:Bucket one: the type has no row. Add one to resource_types/s3.py.$",
    ):
        run(BUCKET)


def test_a_type_is_answered_once_it_has_a_row(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ResourceType(
        "aws:s3/bucket:Bucket",
        bill=Bill.VOLUME,
        create=Call("s3.create_bucket"),
        id="{bucket}",
        outputs={"arn": "arn:aws:s3:::{id}"},
    )
    monkeypatch.setitem(TYPES, row.token, row)
    assert run(BUCKET).outputs == {"arn": "arn:aws:s3:::two"}


def test_a_lookup_is_refused_by_name(run: Run) -> None:
    with pytest.raises(EngineRefusal, match=r"^aws:index/getAvailabilityZones:getAvailabilityZones is looked up."):
        run('pulumi.export("zones", aws.get_availability_zones_output().names)')


def test_reading_an_existing_resource_is_refused(run: Run) -> None:
    with pytest.raises(EngineRefusal, match=r"^aws:ec2/vpc:Vpc other is read from the cloud"):
        run('aws.ec2.Vpc.get("other", "vpc-1")')


def test_a_duplicate_logical_name_is_refused(run: Run) -> None:
    with pytest.raises(
        EngineRefusal, match=r"^aws:ec2/vpc:Vpc same is registered twice. Give each its own logical name.$"
    ):
        run('[aws.ec2.Vpc("same", cidr_block="10.0.0.0/16") for _ in range(2)]')


def test_a_component_that_never_finished_is_refused(run: Run) -> None:
    with pytest.raises(
        EngineRefusal, match=r"^test:index:Part one: register_outputs was not called. Call it once, last.$"
    ):
        run('Part("one", done=False)')


def test_an_output_that_nobody_answered_does_not_become_none(run: Run) -> None:
    with pytest.raises(
        EngineRefusal,
        match=r"^aws:ec2/subnet:Subnet two: ipv6CidrBlock takes an output of one-vpc that nobody answered. "
        r"Name it among the outputs of the type's row in resource_types/ec2.py, if the provider has such an output.$",
    ):
        run(UNANSWERED)


def test_an_output_is_answered_once_a_row_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    row = TYPES["aws:ec2/vpc:Vpc"]
    monkeypatch.setitem(TYPES, row.token, replace(row, outputs={**row.outputs, "ipv6CidrBlock": "2001:db8::/56"}))
    assert run(UNANSWERED).one("aws:ec2/subnet:Subnet", "two").inputs["ipv6CidrBlock"] == "2001:db8::/56"


def test_a_stack_output_that_nobody_answered_is_refused(run: Run) -> None:
    with pytest.raises(EngineRefusal, match=r"^the stack: address takes an output of another resource that nobody"):
        run('pulumi.export("address", pulumi.Output.format("{0}/x", Part("one").vpc.ipv6_association_id))')


def test_an_output_inside_an_f_string_is_refused(run: Run) -> None:
    with pytest.raises(Exception, match=r"^Calling __str__ on an Output\[T\] is not supported."):
        run('pulumi.export("address", f"postgresql://{Part(\'one\').vpc.id}/")')


def test_a_resource_inside_an_apply_is_missing_in_the_preview(run: Run) -> None:
    program = 'Part("one").vpc.id.apply(lambda id: aws.ec2.Subnet("in-apply", vpc_id=id, cidr_block="10.0.0.0/24"))'
    assert set(run(program).identities()) - set(run(program, preview=True).identities()) == {
        "aws:ec2/subnet:Subnet in-apply"
    }


def test_a_secret_stays_marked_and_never_shows(run: Run) -> None:
    recording = run('p = random.RandomPassword("p", length=32)\npulumi.export("p", p.result)')
    secret = recording.outputs["p"]
    assert isinstance(secret, Secret)
    assert len(secret.value) == 32
    assert repr(secret) == "Secret(...)"
    assert secret.value not in repr(recording)


def test_nothing_is_left_of_the_run_before(run: Run) -> None:
    program = 'pulumi.export("value", pulumi.Config().get("key") or "unset")'
    assert run(program, config="{project:key: first}").outputs == {"value": "first"}
    assert run(program).outputs == {"value": "unset"}


def test_a_run_after_a_failed_one_works(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run('Part("one")\n1 / 0')
    assert run('pulumi.export("fine", True)').outputs == {"fine": True}


class _Silent(Answers):
    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        raise EngineRefusal("no answer")


def test_what_a_failed_run_left_waiting_is_not_the_next_one_s() -> None:
    """Pulumi keeps the outputs it waits for in one set for all contexts, until a context is given its own."""
    stack_file = load(Path(__file__).parents[2], "dev")
    with pytest.raises(EngineRefusal, match="^no answer$"):
        record(stack_file, _Silent("ap-northeast-1"), preview=False)
    assert record(stack_file, Answers("ap-northeast-1"), preview=False).outputs["environment"] == "dev"


def test_a_warning_of_the_program_is_kept(run: Run) -> None:
    assert run('pulumi.warn("mind the gap")').warnings == ["mind the gap"]


def test_a_refusal_of_the_program_arrives_as_it_is(run: Run) -> None:
    with pytest.raises(pulumi.RunError, match="^not like this$"):
        run('raise pulumi.RunError("not like this")')


def test_a_program_that_reports_and_leaves_is_refused_with_its_report(run: Run) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run('pulumi.warn("a gap"); pulumi.log.error("not like this\\n  at all"); raise SystemExit(32)')
    assert str(refused.value) == "not like this\n  at all"


def test_a_program_that_leaves_without_a_word_is_refused(run: Run) -> None:
    with pytest.raises(pulumi.RunError, match="^The program ended: 3$"):
        run("raise SystemExit(3)")


def test_an_encrypted_value_is_a_marked_stand_in(run: Run) -> None:
    recording = run(
        'pulumi.export("value", pulumi.Config().get_object("key"))', config="{project:key: {inner: {secure: AAABc=}}}"
    )
    assert recording.outputs == {"value": {"inner": "(encrypted: project:key.inner)"}}


def test_the_same_program_gives_the_same_recording(run: Run) -> None:
    program = 'part = Part("one"); pulumi.export("all", [part.vpc.id, random.RandomPassword("p", length=32).result])'
    assert run(program).registrations == run(program).registrations
    assert run(program).outputs == run(program).outputs


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_stack_without_its_account_is_warned_of_and_one_with_it_is_not(stack: str) -> None:
    stack_file = load(Path(__file__).parents[2], stack)
    without = {key: value for key, value in stack_file.config.items() if key != "aws:allowedAccountIds"}
    warning = "aws:allowedAccountIds is not set: the stack goes to whatever account is logged in. Name its account."
    for ids, warned in ((None, True), ("", True), ("[]", True), ('["123456789012"]', False)):
        config = without | ({} if ids is None else {"aws:allowedAccountIds": ids})
        recording = record(replace(stack_file, config=config), Answers("ap-northeast-1"), preview=True)
        assert (warning in recording.warnings) is warned


@pytest.mark.parametrize("program", ["pass", "raise ValueError('so it is')"])
def test_positions_that_nobody_asks_for_are_left_out_of_a_run_alone(run: Run, program: str) -> None:
    of_pulumi = resource._get_stack_trace
    with nullcontext() if program == "pass" else pytest.raises(ValueError, match=r"^so it is$"):
        run(
            f"from pulumi.runtime import resource\nassert resource._get_stack_trace.__name__ == 'StackTrace'\n{program}"
        )
    assert resource._get_stack_trace is of_pulumi

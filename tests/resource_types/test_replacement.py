"""The measured plans, and for which provider they hold."""

from __future__ import annotations

from importlib.metadata import version

from resource_types.replacement import Plans, read_for, source


def test_another_pulumi_aws_says_that_nobody_has_read_what_its_provider_does_otherwise() -> None:
    assert version("pulumi-aws") == read_for(), (
        "pulumi-aws has changed. Read the changelog of terraform-provider-aws between the two for ForceNew and updates "
        "in place, put what differs into notes and types of resource_types/replacement.json, and raise readFor there."
    )


def test_the_source_names_the_provider_that_was_measured() -> None:
    assert source() == f"terraform-provider-aws 5.100.0, with what is known of pulumi-aws {read_for()}"


def test_what_was_not_measured_is_taken_for_an_update_and_said_to_be_unsure() -> None:
    row = Plans("depends", "replace", "none")
    assert [row.planned(was_set=True, left_out=False), row.planned(was_set=False, left_out=False)] == [
        "update", "replace",
    ]  # fmt: skip
    assert [row.unsure(was_set=True, left_out=False), row.unsure(was_set=False, left_out=False)] == [True, False]

"""AWS Chatbot: chat channels that hear of topics."""

from __future__ import annotations

from collections.abc import Mapping

from resource_types.model import Bill, Call, Into, ResourceType


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in sorted(tags.items())]


TYPES = (
    ResourceType(
        "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration",
        tagged=True,
        bill=Bill.FREE,
        create=Call("chatbot.create_slack_channel_configuration", takes={"tags": Into("Tags", _tags)}),
        id="arn:aws:chatbot::{account}:chat-configuration/slack-channel/{configurationName}",
        not_in_moto="moto has no AWS Chatbot",
    ),
)

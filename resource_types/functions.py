"""Lambda and EventBridge Scheduler: functions, how they fail, and when they run."""

from __future__ import annotations

from resource_types.model import Bill, Call, Into, MotoLimit, PhysicalName, ResourceType

TYPES = (
    ResourceType(
        "aws:lambda/function:Function",
        tagged=True,
        bill=Bill.VOLUME,
        create=Call("lambda.create_function", takes={"code": "Code.ZipFile"}),
        id="{name}",
        outputs={"arn": "arn:aws:lambda:{region}:{account}:function:{name}", "name": "{name}"},
        named=PhysicalName("FunctionName"),
        own={
            "replaceSecurityGroupsOnDestroy": "what deletion does first, by UpdateFunctionConfiguration",
            "replacementSecurityGroupIds": "what deletion does first, by UpdateFunctionConfiguration",
        },
        moto_limits=(MotoLimit("loggingConfig", "moto drops it"),),
    ),
    ResourceType(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        bill=Bill.FREE,
        create=Call("lambda.put_function_event_invoke_config"),
        id="{functionName}",
    ),
    ResourceType(
        "aws:lambda/invocation:Invocation",
        bill=Bill.VOLUME,
        create=Call("lambda.invoke", takes={"input": Into("Payload", str.encode)}),
        id="{functionName}",
        own={"lifecycleScope": "when the provider invokes it again", "triggers": "when the provider invokes it again"},
        sent_later="make up, when the servers run that the function asks",
    ),
    ResourceType(
        "aws:lambda/permission:Permission",
        bill=Bill.FREE,
        create=Call("lambda.add_permission", takes={"function": "FunctionName"}, gives={"StatementId": "{token}"}),
        id="{function}/{principal}",
    ),
    ResourceType(
        "aws:scheduler/schedule:Schedule",
        bill=Bill.VOLUME,
        create=Call("scheduler.create_schedule", gives={"ClientToken": "{token}"}),
        id="default/{name}",
        outputs={"arn": "arn:aws:scheduler:{region}:{account}:schedule/default/{name}", "name": "{name}"},
        named=PhysicalName("Name"),
        moto_limits=(MotoLimit("", "moto keeps a schedule and runs nothing by it"),),
    ),
)

"""The second half of `local.aws.readback`: monitoring, databases and backups."""

from __future__ import annotations

from typing import Any

from local.aws.clients import Clients
from local.aws.readback import Held, given, pages, tags_of

# Monitoring


def topics(clients: Clients, region: str) -> Held:
    """By name."""
    sns, found = clients.get("sns", region), Held()
    for topic in pages(sns, "list_topics", "Topics"):
        arn = topic["TopicArn"]
        found[arn.split(":")[-1],] = given(
            kmsMasterKeyId=sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("KmsMasterKeyId"),
            tags=tags_of(sns.list_tags_for_resource(ResourceArn=arn)["Tags"]),
        )
    return found


def topic_policies(clients: Clients, region: str) -> Held:
    """By topic."""
    sns = clients.get("sns", region)
    return {
        (topic["TopicArn"],): {
            "arn": topic["TopicArn"],
            "policy": sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]["Policy"],
        }
        for topic in pages(sns, "list_topics", "Topics")
    }


def subscriptions(clients: Clients, region: str) -> Held:
    """By topic, protocol and endpoint."""
    sns, found = clients.get("sns", region), Held()
    for each in pages(sns, "list_subscriptions", "Subscriptions"):
        attributes = sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])["Attributes"]
        found[each["TopicArn"], each["Protocol"], each["Endpoint"]] = given(
            topic=each["TopicArn"],
            protocol=each["Protocol"],
            endpoint=each["Endpoint"],
            filterPolicy=attributes.get("FilterPolicy"),
        )
    return found


def log_groups(clients: Clients, region: str) -> Held:
    """By name."""
    logs = clients.get("logs", region)
    return {
        (group["logGroupName"],): given(
            name=group["logGroupName"],
            retentionInDays=group.get("retentionInDays"),
            kmsKeyId=group.get("kmsKeyId"),
            tags=logs.list_tags_log_group(logGroupName=group["logGroupName"])["tags"],
        )
        for group in pages(logs, "describe_log_groups", "logGroups")
    }


def log_filters(clients: Clients, region: str) -> Held:
    """By group and name."""
    return {
        (each["logGroupName"], each["filterName"]): {
            "logGroupName": each["logGroupName"],
            "pattern": each["filterPattern"],
            "metricTransformation": given(
                namespace=change["metricNamespace"],
                name=change["metricName"],
                value=change["metricValue"],
                defaultValue=None if "defaultValue" not in change else f"{change['defaultValue']:g}",
                unit=change.get("unit"),
            ),
        }
        for each in pages(clients.get("logs", region), "describe_metric_filters", "metricFilters")
        for change in each["metricTransformations"]
    }


def _dimensions(dimensions: list[dict[str, str]]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in dimensions}


def _query(query: dict[str, Any]) -> dict[str, Any]:
    stat = query.get("MetricStat")
    metric = stat and {
        "namespace": stat["Metric"]["Namespace"],
        "metricName": stat["Metric"]["MetricName"],
        "dimensions": _dimensions(stat["Metric"]["Dimensions"]),
        "period": stat["Period"],
        "stat": stat["Stat"],
    }
    return given(
        id=query["Id"],
        expression=query.get("Expression"),
        label=query.get("Label"),
        returnData=query.get("ReturnData"),
        metric=metric,
    )


def alarms(clients: Clients, region: str) -> Held:
    """By name."""
    cloudwatch = clients.get("cloudwatch", region)
    return {
        (alarm["AlarmName"],): given(
            name=alarm["AlarmName"],
            alarmDescription=alarm.get("AlarmDescription"),
            namespace=alarm.get("Namespace"),
            metricName=alarm.get("MetricName"),
            dimensions=_dimensions(alarm["Dimensions"]) or None,
            statistic=alarm.get("Statistic"),
            extendedStatistic=alarm.get("ExtendedStatistic"),
            period=alarm.get("Period"),
            metricQueries=[_query(query) for query in alarm["Metrics"]] or None,
            comparisonOperator=alarm["ComparisonOperator"],
            threshold=alarm["Threshold"],
            evaluationPeriods=alarm["EvaluationPeriods"],
            datapointsToAlarm=alarm.get("DatapointsToAlarm"),
            treatMissingData=alarm.get("TreatMissingData"),
            alarmActions=alarm["AlarmActions"],
            okActions=alarm["OKActions"],
            tags=tags_of(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]),
        )
        for alarm in pages(cloudwatch, "describe_alarms", "MetricAlarms")
    }


def dashboards(clients: Clients, region: str) -> Held:
    """By name."""
    cloudwatch = clients.get("cloudwatch", region)
    return {
        (entry["DashboardName"],): {
            "dashboardName": entry["DashboardName"],
            "dashboardBody": cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"],
        }
        for entry in pages(cloudwatch, "list_dashboards", "DashboardEntries")
    }


def budgets(clients: Clients, region: str) -> Held:
    """By name."""
    client, account, found = clients.get("budgets", region), clients.account()["Account"], Held()
    for budget in client.describe_budgets(AccountId=account)["Budgets"]:
        name = budget["BudgetName"]
        notices = client.describe_notifications_for_budget(AccountId=account, BudgetName=name)["Notifications"]
        found[name,] = {
            "budgetType": budget["BudgetType"],
            "timeUnit": budget["TimeUnit"],
            "limitAmount": budget["BudgetLimit"]["Amount"],
            "limitUnit": budget["BudgetLimit"]["Unit"],
            "costFilters": [{"name": key, "values": values} for key, values in budget["CostFilters"].items()],
            "notifications": [
                {
                    "notificationType": notice["NotificationType"],
                    "comparisonOperator": notice["ComparisonOperator"],
                    "threshold": notice["Threshold"],
                    "thresholdType": notice["ThresholdType"],
                }
                for notice in notices
            ],
        }
    return found


# Database


def _rds_tags(rds: Any, arn: str) -> dict[str, str]:
    return tags_of(rds.list_tags_for_resource(ResourceName=arn)["TagList"])


def subnet_groups(clients: Clients, region: str) -> Held:
    """By name."""
    rds = clients.get("rds", region)
    return {
        (group["DBSubnetGroupName"],): {
            "description": group["DBSubnetGroupDescription"],
            "subnetIds": [subnet["SubnetIdentifier"] for subnet in group["Subnets"]],
            "tags": _rds_tags(rds, group["DBSubnetGroupArn"]),
        }
        for group in pages(rds, "describe_db_subnet_groups", "DBSubnetGroups")
    }


def parameter_groups(clients: Clients, region: str) -> Held:
    """By name; every parameter that is set. Those that RDS brings are left out."""
    rds, found = clients.get("rds", region), Held()
    for group in pages(rds, "describe_db_parameter_groups", "DBParameterGroups"):
        name = group["DBParameterGroupName"]
        if name.startswith("default."):
            continue
        parameters = pages(rds, "describe_db_parameters", "Parameters", DBParameterGroupName=name)
        found[name,] = {
            "family": group["DBParameterGroupFamily"],
            "description": group["Description"],
            "parameters": [
                {
                    "name": parameter["ParameterName"],
                    "value": parameter["ParameterValue"],
                    "applyMethod": parameter["ApplyMethod"],
                }
                for parameter in parameters
                if "ParameterValue" in parameter
            ],
            "tags": _rds_tags(rds, group["DBParameterGroupArn"]),
        }
    return found


def instances(clients: Clients, region: str) -> Held:
    """By identifier."""
    found = Held()
    for it in pages(clients.get("rds", region), "describe_db_instances", "DBInstances"):
        source = it.get("ReadReplicaSourceDBInstanceIdentifier")
        found[it["DBInstanceIdentifier"],] = given(
            identifier=it["DBInstanceIdentifier"],
            replicateSourceDb=source,
            instanceClass=it["DBInstanceClass"],
            engine=it["Engine"],
            engineVersion=it["EngineVersion"],
            dbName=it.get("DBName"),
            username=it.get("MasterUsername"),
            port=it["Endpoint"]["Port"],
            allocatedStorage=it["AllocatedStorage"],
            maxAllocatedStorage=it.get("MaxAllocatedStorage"),
            storageType=it.get("StorageType"),
            storageEncrypted=it["StorageEncrypted"],
            storageThroughput=it.get("StorageThroughput"),
            iops=it.get("Iops"),
            kmsKeyId=it.get("KmsKeyId"),
            availabilityZone=it.get("AvailabilityZone"),
            multiAz=it["MultiAZ"],
            dbSubnetGroupName=it.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
            vpcSecurityGroupIds=[group["VpcSecurityGroupId"] for group in it["VpcSecurityGroups"]],
            parameterGroupName=it["DBParameterGroups"][0]["DBParameterGroupName"],
            publiclyAccessible=it["PubliclyAccessible"],
            autoMinorVersionUpgrade=it["AutoMinorVersionUpgrade"],
            backupRetentionPeriod=it["BackupRetentionPeriod"],
            backupWindow=it["PreferredBackupWindow"],
            maintenanceWindow=it["PreferredMaintenanceWindow"],
            caCertIdentifier=it.get("CACertificateIdentifier"),
            copyTagsToSnapshot=it["CopyTagsToSnapshot"],
            deletionProtection=it["DeletionProtection"],
            iamDatabaseAuthenticationEnabled=it["IAMDatabaseAuthenticationEnabled"],
            enabledCloudwatchLogsExports=it["EnabledCloudwatchLogsExports"],
            monitoringInterval=it["MonitoringInterval"],
            monitoringRoleArn=it.get("MonitoringRoleArn"),
            databaseInsightsMode=it.get("DatabaseInsightsMode"),
            engineLifecycleSupport=it.get("EngineLifecycleSupport"),
            performanceInsightsEnabled=it.get("PerformanceInsightsEnabled"),
            performanceInsightsKmsKeyId=it.get("PerformanceInsightsKMSKeyId"),
            performanceInsightsRetentionPeriod=it.get("PerformanceInsightsRetentionPeriod"),
            tags=tags_of(it["TagList"]),
        )
    return found


def event_subscriptions(clients: Clients, region: str) -> Held:
    """By name."""
    rds = clients.get("rds", region)
    return {
        (each["CustSubscriptionId"],): {
            "snsTopic": each["SnsTopicArn"],
            "sourceType": each["SourceType"],
            "sourceIds": each["SourceIdsList"],
            "eventCategories": each["EventCategoriesList"],
            "enabled": each["Enabled"],
            "tags": _rds_tags(rds, each["EventSubscriptionArn"]),
        }
        for each in pages(rds, "describe_event_subscriptions", "EventSubscriptionsList")
    }


# Functions


def queues(clients: Clients, region: str) -> Held:
    """By name."""
    sqs, found = clients.get("sqs", region), Held()
    for url in sqs.list_queues().get("QueueUrls", []):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        found[url.rsplit("/", 1)[-1],] = {
            "sqsManagedSseEnabled": attributes["SqsManagedSseEnabled"] == "true",
            "messageRetentionSeconds": int(attributes["MessageRetentionPeriod"]),
            "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
        }
    return found


def functions(clients: Clients, region: str) -> Held:
    """By name."""
    client, found = clients.get("lambda", region), Held()
    for each in pages(client, "list_functions", "Functions"):
        vpc = each["VpcConfig"]
        found[each["FunctionName"],] = given(
            name=each["FunctionName"],
            description=each["Description"],
            runtime=each["Runtime"],
            architectures=each["Architectures"],
            handler=each["Handler"],
            role=each["Role"],
            timeout=each["Timeout"],
            memorySize=each["MemorySize"],
            environment={"variables": each["Environment"]["Variables"]},
            vpcConfig={"subnetIds": vpc["SubnetIds"], "securityGroupIds": vpc["SecurityGroupIds"]},
            tags=client.list_tags(Resource=each["FunctionArn"])["Tags"],
        )
    return found


def invoke_configs(clients: Clients, region: str) -> Held:
    """By function."""
    client, found = clients.get("lambda", region), Held()
    for each in pages(client, "list_functions", "Functions"):
        name = each["FunctionName"]
        config = client.get_function_event_invoke_config(FunctionName=name)
        found[name,] = {
            "functionName": name,
            "maximumEventAgeInSeconds": config["MaximumEventAgeInSeconds"],
            "maximumRetryAttempts": config["MaximumRetryAttempts"],
            "destinationConfig": {
                "onFailure": {"destination": config["DestinationConfig"]["OnFailure"]["Destination"]}
            },
        }
    return found


def schedules(clients: Clients, region: str) -> Held:
    """By name."""
    client, found = clients.get("scheduler", region), Held()
    for each in pages(client, "list_schedules", "Schedules"):
        schedule = client.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
        target = schedule["Target"]
        found[each["Name"],] = {
            "description": schedule["Description"],
            "scheduleExpression": schedule["ScheduleExpression"],
            "flexibleTimeWindow": {"mode": schedule["FlexibleTimeWindow"]["Mode"]},
            "target": {
                "arn": target["Arn"],
                "roleArn": target["RoleArn"],
                "retryPolicy": {
                    "maximumEventAgeInSeconds": target["RetryPolicy"]["MaximumEventAgeInSeconds"],
                    "maximumRetryAttempts": target["RetryPolicy"]["MaximumRetryAttempts"],
                },
            },
        }
    return found


# Backup


def vaults(clients: Clients, region: str) -> Held:
    """By name."""
    backup = clients.get("backup", region)
    return {
        (vault["BackupVaultName"],): given(
            kmsKeyArn=vault.get("EncryptionKeyArn"), tags=backup.list_tags(ResourceArn=vault["BackupVaultArn"])["Tags"]
        )
        for vault in pages(backup, "list_backup_vaults", "BackupVaultList")
    }


def plans(clients: Clients, region: str) -> Held:
    """By name."""
    backup, found = clients.get("backup", region), Held()
    for each in pages(backup, "list_backup_plans", "BackupPlansList"):
        plan = backup.get_backup_plan(BackupPlanId=each["BackupPlanId"])["BackupPlan"]
        found[plan["BackupPlanName"],] = {
            "name": plan["BackupPlanName"],
            "rules": [
                {
                    "ruleName": rule["RuleName"],
                    "targetVaultName": rule["TargetBackupVaultName"],
                    "schedule": rule["ScheduleExpression"],
                    "startWindow": rule["StartWindowMinutes"],
                    "completionWindow": rule["CompletionWindowMinutes"],
                    "enableContinuousBackup": rule["EnableContinuousBackup"],
                    "lifecycle": {"deleteAfter": rule["Lifecycle"]["DeleteAfterDays"]},
                }
                for rule in plan["Rules"]
            ],
            "tags": backup.list_tags(ResourceArn=each["BackupPlanArn"])["Tags"],
        }
    return found

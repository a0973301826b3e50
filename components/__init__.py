"""One Pulumi component resource a file, named after a noun. No component imports another; they meet in `__main__`."""

from components.access import Access, AccessArgs
from components.backups import Backups, BackupsArgs
from components.base import account_id, settled
from components.database import DatabaseCluster, DatabaseClusterArgs, InstanceKeys
from components.functions import Functions, FunctionsArgs
from components.ids import DatabaseInstance, NetworkIds
from components.keys import Keys, KeysArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.networking import Networking, NetworkingArgs
from components.pooler import Pooler, PoolerArgs
from components.secret_values import SecretValues, SecretValuesArgs
from components.secrets import Secrets, SecretsArgs
from components.security_groups import SecurityGroups, SecurityGroupsArgs
from components.sleep import Sleep, SleepArgs

__all__ = [
    "Access",
    "AccessArgs",
    "Backups",
    "BackupsArgs",
    "DatabaseCluster",
    "DatabaseClusterArgs",
    "DatabaseInstance",
    "Functions",
    "FunctionsArgs",
    "InstanceKeys",
    "Keys",
    "KeysArgs",
    "Monitoring",
    "MonitoringArgs",
    "NetworkIds",
    "Networking",
    "NetworkingArgs",
    "Pooler",
    "PoolerArgs",
    "SecretValues",
    "SecretValuesArgs",
    "Secrets",
    "SecretsArgs",
    "SecurityGroups",
    "SecurityGroupsArgs",
    "Sleep",
    "SleepArgs",
    "account_id",
    "settled",
]

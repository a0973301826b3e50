"""What AWS gets: one noun, one file, one component. No component imports another; they meet in `__main__`."""

from components.access import Access, AccessArgs
from components.backups import Backups, BackupsArgs
from components.base import account_id
from components.credentials import Credentials, CredentialsArgs
from components.database import DatabaseCluster, DatabaseClusterArgs
from components.functions import Functions, FunctionsArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.networking import Networking, NetworkingArgs
from components.pooler import Pooler, PoolerArgs
from components.secrets import Secrets, SecretsArgs

__all__ = [
    "Access",
    "AccessArgs",
    "Backups",
    "BackupsArgs",
    "Credentials",
    "CredentialsArgs",
    "DatabaseCluster",
    "DatabaseClusterArgs",
    "Functions",
    "FunctionsArgs",
    "Monitoring",
    "MonitoringArgs",
    "Networking",
    "NetworkingArgs",
    "Pooler",
    "PoolerArgs",
    "Secrets",
    "SecretsArgs",
    "account_id",
]

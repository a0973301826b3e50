"""CloudWatch: alarms, metrics, log filters, the dashboard."""

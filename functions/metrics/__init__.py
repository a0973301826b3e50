"""Lambda function that publishes custom CloudWatch metrics from SQL statements."""

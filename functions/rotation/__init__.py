"""Lambda function that changes passwords by the four steps of Secrets Manager, between two logins of each role."""

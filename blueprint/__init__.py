"""What we know: pure functions and tables. No pulumi, no boto3, no clock, no network."""

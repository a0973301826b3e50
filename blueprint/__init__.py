"""Pure functions from settings to values. No pulumi, no boto3, no clock, no network."""

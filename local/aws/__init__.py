"""The control plane: what the program registers, applied to a moto server of our own through boto3."""

"""`python -m preview STACK`: what a stack file makes, without an AWS account or the Pulumi CLI."""

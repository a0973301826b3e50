"""`--html`: the report as one page, self-contained, for a reviewer who need not know Pulumi."""

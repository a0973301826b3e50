"""The evaluator of CloudWatch's alarms against AWS's own examples, and the back-tests of our alarms."""

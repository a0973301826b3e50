"""Back-tests of the alarms: what CloudWatch would make of stated scenarios, minute by minute."""

"""Plays months of mail through the synthesised alarms, minute by minute, by CloudWatch's documented rules."""

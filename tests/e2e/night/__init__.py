"""What somebody types at night: the commands of runbooks, of alarms and of doctor, in a shell, as they are written."""

"""What CloudWatch's documentation says alarms do, as pure functions; the embedded AWS and the backtest share it."""

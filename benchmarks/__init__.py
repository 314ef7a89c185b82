"""Measured against peers and floors, in one run, interleaved. Ratios hold between machines, absolutes do not."""

"""Measured against peers and floors, in one run with interleaved repeats. Ratios hold between machines, absolutes do not."""

"""The loop under bad weather: generated traffic through the real functions, and a plain account of what must come out.

``cloud`` is AWS in memory with troubles, ``baton`` interleaves writers, ``traffic`` makes feedback whose meaning is
known, ``loop`` carries it as SNS, Lambda and SQS would, ``verdict`` compares with the naive model. ``make soak`` runs
all of it at length (docs/proofs.md), ``test_soak`` briefly.
"""

"""Anything at all through every entry point: ``mutators`` make inputs by seed, ``entries`` take them and check.

``make fuzz`` runs many (docs/proofs.md), ``test_fuzz`` a sample.
"""

"""The embedded AWS: a real ``cdk deploy`` on this machine, for the demo, for trying things out and for the tests."""

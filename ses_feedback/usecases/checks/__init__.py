"""What is expected of a deployment, what there is, and what differs: pure comparisons, shared by doctor and Lambda."""

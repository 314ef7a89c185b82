"""Lists of suppressions: taking over another provider's, giving out ours, and forgetting a person."""

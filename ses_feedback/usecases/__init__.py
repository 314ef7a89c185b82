"""What happens next: feedback recorded and tallied, questions answered, identities wired."""

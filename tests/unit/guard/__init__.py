"""The guard: the question, boto3 clients, smtplib and Django, and its documents."""

"""What exists in CloudFormation: constructs of one capability each, and stacks that only compose."""

"""What SES feedback means. Pure and typed: no clock, no environment, no AWS, standard library only."""

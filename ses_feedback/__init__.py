"""Amazon SES feedback: who may still be mailed, and why not."""

__version__ = "0.2.0.dev0"

"""Thin entry points, one module for each function: validate, call one use case, answer."""

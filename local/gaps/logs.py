"""CloudWatch Logs: filter patterns over JSON are honoured; the emulator takes each for one that everything matches."""

from __future__ import annotations

from collections.abc import Callable

from ministack.services import cloudwatch_logs

from local.log_patterns import matcher


def install() -> None:
    """Replace how patterns are read."""
    terms = cloudwatch_logs._compile_filter_pattern

    def compile_pattern(raw: str) -> Callable[[str], bool]:
        pattern = (raw or "").strip()
        return matcher(pattern) if pattern.startswith("{") else terms(raw)

    cloudwatch_logs._compile_filter_pattern = compile_pattern

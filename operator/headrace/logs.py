"""Log lines of API and operator: JSON on standard error, each with what is bound to the request or task it is about."""

import logging
import sys
from collections.abc import Mapping

import structlog


def configure_logs(level: str, *, least: Mapping[str, int]) -> None:
    """Sends the lines of structlog and of the standard library through one JSON formatter.

    `least` names loggers of libraries, each with the level below which it is not heard.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _plain,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, lowest in least.items():
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), lowest))


def _plain(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Leaves out uvicorn's second message, for terminals."""
    event.pop("color_message", None)
    return event


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose lines carry what is bound to the current request or task."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound

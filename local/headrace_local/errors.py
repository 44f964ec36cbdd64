"""What can go wrong on one machine, each with a sentence that says what to do."""


class LocalError(Exception):
    """The command ends with this sentence and exit code 1."""


class UnsupportedMachineError(LocalError):
    """The machine cannot run a local cluster at all; exit code 2."""

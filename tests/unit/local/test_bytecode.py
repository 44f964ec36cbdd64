"""What the containers import is compiled before they start."""

import subprocess
import sys

from headrace_local.machine.bytecode import compile_roles


def test_a_runner_finds_its_modules_compiled():
    compile_roles()
    program = """if True:
        import sys
        from importlib.machinery import SourceFileLoader
        compiled = []
        def source_to_code(self, data, path, **options):
            compiled.append(path)
            return compile(data, path, "exec")
        SourceFileLoader.source_to_code = source_to_code
        import headrace_runner.run, headrace_runner.targets.postgres.target, headrace_runner.sources.postgres.source
        print([path for path in compiled if "headrace" in path])
    """
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"

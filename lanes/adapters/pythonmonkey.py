"""Runs the adapter for JavaScript engines in SpiderMonkey, as the Python package pythonmonkey embeds it.

    python3 pythonmonkey.py FOLDER/pythonmonkey/pythonmonkey.so ADAPTER

The adapter is text in JavaScript. It expects the functions of SpiderMonkey's own shell. The package itself would bring
an event loop and modules, which are not needed.
"""

import glob
import importlib.util
import os
import sys


def load(path):
    """Loads the extension module alone."""
    spec = importlib.util.spec_from_file_location("pythonmonkey", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pythonmonkey"] = module
    spec.loader.exec_module(module)
    return module


def version(folder):
    """Returns the version, which the name of SpiderMonkey's library tells."""
    names = glob.glob(os.path.join(folder, "libmozjs-*.so"))
    return os.path.basename(names[0])[len("libmozjs-"):-len(".so")] if names else "unknown"


def read_line():
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None


def write_line(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    path, adapter = sys.argv[1], sys.argv[2]
    engine = load(path)
    shell = """(read, write, collect, version) => {
      globalThis.readline = () => read() ?? null;
      globalThis.print = write;
      globalThis.gc = collect;
      globalThis.getBuildConfiguration = () => ({ version });
    }"""
    engine.eval(shell)(read_line, write_line, engine.collect, version(os.path.dirname(path)))
    engine.eval(adapter)


main()

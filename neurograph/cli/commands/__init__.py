"""One file per command, each with a `command` made by `neurograph.cli.frame.command`. Its name is that of the file.

What loads slowly (torch, Numba, the engine) is imported inside the functions, so that `--help` and the shell's completion
answer at once; a test holds that.
"""

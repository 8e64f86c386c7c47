"""The measuring room: starts the command line as a process, reads its JSON, never imports the solving
code.
"""

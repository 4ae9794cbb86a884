"""Detectors: a request in, what it seems to be about out. A signal is a module; a language is a data file."""

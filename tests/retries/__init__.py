"""Retries: those of ``openai``, which stay as they are, and those of a policy."""

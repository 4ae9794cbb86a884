"""The values that travel through the guard: frozen, typed, free of I/O.

A *segment* is one inspected string or attachment with its origin and JSON pointer. A *request* is the segments of one
API call, or of one line of an uploaded JSONL file. Detectors read a request into *signals*; tenant, session and signals
merge into *facts*; rules speak of facts only; a *decision* names the rules that matched and the evidence.

One module for each stage, so that a client which has sent nothing yet imports none of the later ones.
"""

"""Score the guard over a corpus, through the real client."""

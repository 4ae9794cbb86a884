"""What the guard costs, as ratios against a peer in the same run."""

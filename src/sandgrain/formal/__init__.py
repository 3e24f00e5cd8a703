"""What a design can and cannot do: recoverability, reachability, bounded search, witnesses and their replay."""

"""What turns events into reconciles: the cache, the keyed queue, the workers, the full re-list."""

"""kopf as the informer: it watches and hands over events, nothing else."""

"""The API server: one client, one guarded status write, finalizers, annotations, Events."""

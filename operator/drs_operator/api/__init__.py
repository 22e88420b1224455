"""The API of the operator: models of the custom resources, and the generator that turns them into CRDs."""

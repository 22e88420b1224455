"""One reconciler for each kind: load, observe, plan, act, record. They know the ports, not who implements them."""

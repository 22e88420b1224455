#!/usr/bin/env bash
# reconcile looks at an object now, past every back-off; the token comes back in the status.
source "$(dirname "$0")/run.sh"
kubectl annotate -n $NS drpg/db drs-operator.io/reconcile=now
kubectl wait -n $NS drpg/db --for=jsonpath='{.status.lastHandledReconcile}'=now --timeout=60s

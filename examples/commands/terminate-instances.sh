#!/usr/bin/env bash
# terminate-instances ends the instances of a drill that is over: its own, found at that moment, and no other.
source "$(dirname "$0")/run.sh"
start cleaned shop
finished cleaned
command cleaned terminate-instances=done
kubectl wait -n $NS drx/cleaned --for=jsonpath='{.status.cleanup.phase}'=Completed --timeout=120s
kubectl get -n $NS drx/cleaned -o wide

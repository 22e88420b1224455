#!/usr/bin/env bash
# release-servers lets a server go whose tag is gone: until somebody says so, the group keeps protecting it.
source "$(dirname "$0")/run.sh"
enter_account
aws drs untag-resource --region us-east-1 --tag-keys Tier \
  --resource-arn arn:aws:drs:us-east-1:123456789012:source-server/s-0leave00000000001
kubectl wait -n $NS drpg/leaving --for=condition=MembershipStable=false --timeout=60s
kubectl annotate -n $NS drpg/leaving drs-operator.io/release-servers=s-0leave00000000001
kubectl wait -n $NS drpg/leaving --for=condition=MembershipStable=true --timeout=60s
kubectl wait -n $NS drpg/leaving --for=jsonpath='{.status.serverCount}'=2 --timeout=60s

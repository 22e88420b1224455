# Sourced by the scripts beside it: they share a namespace, the kind of run and how it is watched.
set -euo pipefail
NS=dr-commands

start() { # start NAME PLAN [FIELDS]: a drill of a plan; returns when its waves are under way
  kubectl create -f - <<YAML
apiVersion: drs-operator.io/v1alpha1
kind: DRExecution
metadata: {name: $1, namespace: $NS}
spec: {recoveryPlanRef: {name: $2}, executionType: DRILL, reason: to show a command${3:+, $3}}
YAML
  kubectl wait -n $NS "drx/$1" --for=jsonpath='{.status.startTime}' --timeout=60s
}

held() { # held NAME: waits until the run waits for a person; shows the line that goes on
  kubectl wait -n $NS "drx/$1" --for=condition=Paused --timeout=60s
  kubectl get -n $NS "drx/$1" -o jsonpath='{range .status.holds[*]}{.id}{"  "}{.reason}{"  "}{.message}{"\n"}{end}'
}

command() { # command NAME KEY=VALUE: gives a command as a person does
  echo "> kubectl annotate -n $NS drx/$1 drs-operator.io/$2"
  kubectl annotate -n $NS "drx/$1" "drs-operator.io/$2"
}

finished() { # finished NAME: waits for the end and shows it, with the answers to the commands
  kubectl wait -n $NS "drx/$1" --for=condition=Finished --timeout=120s
  kubectl get -n $NS "drx/$1"
  kubectl get -n $NS "drx/$1" -o jsonpath='{range .status.requests[*]}{.type}={.value}  {.outcome}  {.code}{"\n"}{end}'
}

enter_account() { # the target account, as a person enters it
  local role=arn:aws:iam::123456789012:role/DRSOrchestrationRole keys
  keys=$(aws sts assume-role --role-arn $role --role-session-name a-person --external-id unique-external-id-123 \
    --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
  read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$keys"
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}

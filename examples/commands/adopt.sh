#!/usr/bin/env bash
# adopt names the job of a launch whose outcome is unknown. Here AWS fails on the call and launches nothing; the operator
# looks for the job, does not find it, and asks. A person launches by hand, and the run goes on with that job.
source "$(dirname "$0")/run.sh"
start adopted doubtful 'ambiguousLaunchPolicy: Hold'
held adopted
enter_account
JOB=$(aws drs start-recovery --region us-east-1 --query job.jobID --output text --cli-input-json \
  '{"isDrill": true, "sourceServers": [{"sourceServerID": "s-0doubt00000000001"}]}')
command adopted "adopt=$JOB"
finished adopted

#!/usr/bin/env bash
# retry launches the servers of a failed wave that did not come up, and no other, with the launch settings of now.
source "$(dirname "$0")/run.sh"
start retried fragile
held retried
command retried retry=1
finished retried

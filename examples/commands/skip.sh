#!/usr/bin/env bash
# skip goes on without what did not come up; the run ends CompletedWithExceptions.
source "$(dirname "$0")/run.sh"
start skipped stubborn
held skipped
command skipped skip=1
finished skipped

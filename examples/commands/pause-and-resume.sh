#!/usr/bin/env bash
# pause lets the waves that run finish and holds the next one; resume opens the hold.
source "$(dirname "$0")/run.sh"
start paused shop
command paused pause=lunch
held paused
command paused resume=true
finished paused

#!/usr/bin/env bash
# cancel starts no other wave. Jobs that run in DRS cannot be cancelled: they are followed to their end.
source "$(dirname "$0")/run.sh"
start cancelled shop
command cancelled cancel=enough
finished cancelled

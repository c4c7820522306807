#!/bin/sh
# Commands of the image: web, worker, cli COMMAND (such as `cli migrate`).
[ "${1:-web}" != cli ] || shift
exec python -m app.cli "$@"

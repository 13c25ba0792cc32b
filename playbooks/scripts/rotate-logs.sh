#!/bin/sh
# Rotates logs: here those of a made-up host in the run's private folder, for real.
set -eu
host=$1
cd "$HOME"
i=0
while [ "$i" -lt 2000 ]; do
  echo "$host line $i"
  i=$((i + 1))
done > app.log
echo "$host: app.log has $(wc -c < app.log) bytes"
gzip -c app.log > app.log.1.gz
: > app.log
echo "$host: app.log.1.gz has $(wc -c < app.log.1.gz) bytes"

#!/bin/sh
# Prints a line every second.
set -eu
i=1
while [ "$i" -le "$1" ]; do
  echo "step $i of $1"
  sleep 1
  i=$((i + 1))
done
echo "done"

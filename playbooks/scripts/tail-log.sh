#!/bin/sh
# Shows the last lines of a log. The sample hosts do not exist, so the lines are made up.
set -eu
service=$1 host=$2 lines=$3 match=$4
# journalctl --machine "$host" --unit "$service" --lines "$lines"
i=1
while [ "$i" -le "$lines" ]; do
  echo "$host $service[4711]: request $i served in $((i * 7 % 40 + 3)) ms"
  i=$((i + 1))
done | { grep -F -e "$match" || echo "no line holds: $match"; }

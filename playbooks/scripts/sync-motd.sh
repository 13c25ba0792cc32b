#!/bin/sh
# Compares or writes the message of the day. The sample hosts do not exist: what they would have
# now is an older text in the run's private folder.
set -eu
verb=$1 wanted=$2 host=$3
now=$HOME/motd.$host
echo "This machine is run by hand." > "$now"
case $verb in
check)
  # 0: as declared, 2: differs.
  diff -u --label "$host:/etc/motd" --label "$wanted" "$now" "$wanted" || exit 2
  ;;
apply)
  cp "$wanted" "$now"
  echo "$host: /etc/motd is now as in $wanted"
  ;;
*)
  echo "unknown verb $verb" >&2
  exit 64
  ;;
esac

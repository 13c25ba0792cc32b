#!/bin/sh
# Status, check and restart of a service on a host. The sample team's hosts do not exist, so the
# steps are told and nothing is touched; put your own commands where the comments say.
set -eu
verb=$1 service=$2 host=$3

case $verb in
status)
  # systemctl --host "$host" status "$service"
  echo "$service on $host: active (running)"
  echo "  main process 4711, 3 days, 2 restarts this month"
  ;;
check)
  # systemctl --host "$host" is-active "$service"
  echo "$service on $host runs; a restart would change nothing that is declared"
  ;;
restart)
  graceful=$4 delay=$5
  if [ "$graceful" = true ]; then
    echo "$host: letting open connections of $service finish"
    sleep 1
  fi
  echo "$host: stopping $service"
  sleep 1
  echo "$host: starting $service"
  # systemctl --host "$host" restart "$service"
  echo "$host: $service is active again"
  if [ "$delay" -gt 0 ]; then
    echo "$host: waiting ${delay}s before the next host"
    sleep "$delay"
  fi
  ;;
*)
  echo "unknown verb $verb" >&2
  exit 64
  ;;
esac

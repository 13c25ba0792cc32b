#!/bin/sh
# Shows what this machine is and how busy it is.
set -eu
echo "system:  $(uname -sr) on $(uname -m)"
echo "name:    $(uname -n)"
echo "load:    $(cut -d' ' -f1-3 /proc/loadavg)"
awk '/^MemTotal|^MemAvailable/ { printf "%-8s %d MiB\n", tolower(substr($1, 4, length($1) - 4)) ":", $2 / 1024 }' /proc/meminfo

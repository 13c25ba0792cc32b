#!/bin/sh
# Says whether a file system is fuller than it should be: 0 if not, 2 if it is.
set -eu
path=$1 limit=$2
used=$(df -P "$path" | awk 'NR == 2 { sub("%", "", $5); print $5 }')
[ "$used" -lt "$limit" ] && exit 0
# Rounded, so that one percent more is not news.
echo "$path is over $((used / 5 * 5)) % full; $limit % is the limit"
exit 2

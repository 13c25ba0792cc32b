#!/bin/sh
# Throws away a cache: here one of a made-up host in the run's private folder, for real.
set -eu
scope=$1 host=$2
cache=$HOME/cache
mkdir -p "$cache/pages" "$cache/images"
for i in 1 2 3 4 5; do
  echo page > "$cache/pages/$i"
  echo image > "$cache/images/$i"
done
case $scope in
all) set -- pages images ;;
*) set -- "$scope" ;;
esac
for part in "$@"; do
  echo "$host: removing $(ls "$cache/$part" | wc -l) entries of $part"
  rm -r "${cache:?}/$part"
done
echo "$host: done; the cache fills again as customers come"

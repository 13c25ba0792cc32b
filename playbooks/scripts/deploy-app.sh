#!/bin/sh
# Deploys a version of the app, in steps that the thread shows as they happen.
set -eu
release=$1 host=$2
echo "$host: taking out of the load balancer"
sleep 1
echo "$host: fetching $release"
sleep 1
echo "$host: configuration"
sed 's/^/    /' playbooks/files/app.conf
echo "$host: checking health of $release"
sleep 1
echo "$host: back in the load balancer, $release is live"

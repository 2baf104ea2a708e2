#!/bin/sh
# Starts a service of the desk, unless a secret it was given is none. Called by the image with the service's command.
set -eu

refuse() {
    echo "$1" >&2
    exit 1
}

for file in "${DESK_SECRETS:-/run/secrets}"/*; do
    name=${file##*/}
    case $name in
    '*') break ;; # this service was given none
    # empty where the desk has none; RiskOps refuses one that it shall use
    propreports_password | smtp_password | on_call_webhook | heartbeat_url) continue ;;
    esac
    [ -r "$file" ] || refuse "secrets/$name cannot be read by user $(id -u): it belongs to DESK_UID of .env, mode 600."
    [ -s "$file" ] || refuse "secrets/$name is empty: remove it and run \`make secrets\`."
done

exec "$@"

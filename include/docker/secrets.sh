#!/bin/sh
# Makes what a desk's server needs beside the project: secrets/ with random content (mode 600), desk/ for what the services
# share with this machine, and .env. What is there is kept. Needs no more than a shell. Usage: secrets.sh [FOLDER]
set -eu
umask 077
project=$(cd "$(dirname "$0")/../.." && pwd)
cd "${1:-$project}"

sockets=/var/run/postgresql # where docker-compose.yaml has PostgreSQL's socket
uid=$(id -u)
gid=$(id -g)
if [ "$uid" = 0 ]; then # the services never run as root
    uid=10001
    gid=10001
fi

random() {
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'
}

lacks() {
    for name; do
        [ -s "secrets/$name" ] || return 0
    done
    return 1
}

put() { # no newline at the end: Airflow takes a file as it is
    printf '%s' "$2" > "secrets/.$1"
    mv "secrets/.$1" "secrets/$1"
    echo "secrets/$1: new"
}

mkdir -p secrets desk/backup desk/inbox desk/out

if lacks postgres_password; then put postgres_password "$(random)"; fi
if lacks fernet_key; then put fernet_key "$(random)="; fi
if lacks jwt_secret; then put jwt_secret "$(random)"; fi
if lacks api_secret_key; then put api_secret_key "$(random)"; fi
if lacks risk_database; then
    put risk_database "postgresql+psycopg://riskops_runtime:$(random)@/riskops?host=$sockets"
fi
if lacks risk_database_owner; then
    put risk_database_owner "postgresql+psycopg://riskops_owner:$(random)@/riskops?host=$sockets"
fi
if lacks airflow_database result_backend; then # one login
    url="postgresql+psycopg://airflow:$(random)@/airflow?host=$sockets"
    put airflow_database "$url"
    put result_backend "db+$url"
fi
if lacks redis_conf broker_url; then # one password
    password=$(random)
    put redis_conf "requirepass $password"
    put broker_url "redis://:$password@redis:6379/0"
fi
for name in propreports_password smtp_password on_call_webhook heartbeat_url; do # what only the desk knows
    [ -e "secrets/$name" ] || put "$name" ""
done

if [ ! -e .env ]; then
    sed "s/^DESK_UID=.*/DESK_UID=$uid/; s/^DESK_GID=.*/DESK_GID=$gid/" "$project/.env.example" > .env
    echo ".env: new, fill it in"
fi
if [ "$(id -u)" = 0 ]; then
    chown -R "$uid:$gid" secrets desk
fi
echo "The secrets are in $PWD/secrets."

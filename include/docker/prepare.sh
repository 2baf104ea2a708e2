#!/bin/sh
# Before anything else starts: both databases, their roles and passwords, and their newest version. Again changes nothing.
set -eu
cd "$(dirname "$0")/../.."
python include/docker/databases.py create
airflow db migrate
riskops migrate
python include/docker/databases.py grant

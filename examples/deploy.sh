#!/usr/bin/env bash
# An application's deploy to one host, as an example. No secret passes through it: the file that it makes names secrets,
# and the host reads them with its own role. Run it where `pulumi` is logged in, in a checkout of this repository.
#
#     examples/deploy.sh prod app-1.langpont.example
set -euo pipefail

stack=${1:?usage: examples/deploy.sh STACK HOST}
host=${2:?usage: examples/deploy.sh STACK HOST}
python=${PYTHON:-venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pulumi stack output --json --stack "$stack" > "$work/outputs.json"
"$python" -m ops outputs env --stack "$stack" --file "$work/outputs.json" --to "$work/app.env"

# The application's unit reads app.env by EnvironmentFile=; the library is in its virtual environment.
ssh "$host" mkdir -p /etc/langpont
scp -q -r langpont_db "$work/outputs.json" "$work/app.env" "$host:/etc/langpont/"
ssh "$host" '/opt/langpont/venv/bin/pip install --quiet "/etc/langpont/langpont_db[aws]"'
ssh "$host" '/opt/langpont/venv/bin/python -m langpont_db.pgbouncer install --outputs /etc/langpont/outputs.json'
ssh "$host" systemctl restart langpont

#!/bin/sh
# Installs what the TypeScript and Python servers of the fleet are made of, each release in a place of its own. What is
# installed already is left alone; what cannot be installed here is skipped, and says why. Its caller limits its time.
# Usage: sh test/peers/fleet/install.sh [--newest]
cd "$(dirname "$0")" || exit 1
newest=${1:-}

skip() { echo "skipped: $1 ($2)"; }
is_older() { case "$1" in *-older) [ "$newest" = --newest ] ;; *) false ;; esac; }

for folder in ts-sdk-*; do
  is_older "$folder" && continue
  cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && continue
  npm ci --prefix "$folder" --ignore-scripts --silent >/dev/null </dev/null &&
    cp "$folder/package-lock.json" "$folder/node_modules/.installed" || skip "$folder" "npm ci failed"
done

python=$(command -v python3) || { skip "the Python servers" "no python3"; exit 0; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { skip "the Python servers" "python3 is older than 3.10"; exit 0; }

# uv installs in a second what takes pip half a minute; it is a wheel like any other.
mkdir -p dist
uv=$(command -v uv) || uv=dist/venvs/uv/bin/uv
if [ ! -x "$uv" ]; then
  "$python" -m venv dist/venvs/uv && dist/venvs/uv/bin/pip install --quiet uv==0.13.9 </dev/null || uv=
fi

install() { # name requirements
  is_older "$1" && return
  venv=dist/venvs/$1
  cmp -s "$2" "$venv/installed" && return
  rm -rf "$venv"
  if [ -n "$uv" ]; then
    "$uv" venv --quiet --no-config --python "$python" "$venv" &&
      VIRTUAL_ENV="$PWD/$venv" "$uv" pip install --quiet --no-config --requirement "$2" </dev/null
  else
    "$python" -m venv "$venv" && "$venv/bin/pip" install --quiet --requirement "$2" </dev/null
  fi && cp "$2" "$venv/installed" || skip "$1" "its packages could not be installed"
}

for generation in 1 2; do
  install "python-mcp-$generation" "python-mcp-$generation/requirements.txt"
  install "python-mcp-$generation-older" "python-mcp-$generation/requirements-older.txt"
done
for generation in 2 3 4; do
  install "fastmcp-$generation" "fastmcp/requirements-$generation.txt"
  install "fastmcp-$generation-older" "fastmcp/requirements-$generation-older.txt"
done

#!/bin/bash
# A Docker engine and stand-ins for official images, from the Debian, PyPI and npm registries alone.
#
# usage (root, Debian 12): setup.sh [engine|debian|all|more|stop]      default: all
#   engine   unpack and start the engine (only if none answers)
#   debian   the above, and the Debian-based images
#   all      the above, and the Alpine-based images
#   more     the above, and old and new lines of Node and Python, which only benchmarks need
#   stop     stop the engine; images stay
#
# An engine that answers already is taken as it is, and pulls the official images. DOCKFIX_ENGINE_REBUILD=1 makes all
# stand-ins anew.
#
# Everything lives in $DOCKFIX_ENGINE_DIR (default ~/.cache/dockfix-engine) and is made once; source its env.sh to use it.
set -euo pipefail

SETUP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ENGINE_DIR=${DOCKFIX_ENGINE_DIR:-$HOME/.cache/dockfix-engine}
mkdir -p "$ENGINE_DIR"
ENGINE_DIR=$(cd "$ENGINE_DIR" && pwd)

say() { printf '%4ds %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

. "$SETUP/engine.sh"
. "$SETUP/host.sh"
. "$SETUP/images.sh"

goal=${1:-all}
case $goal in engine | debian | all | more | stop) ;; *) die "unknown goal '$goal'; see the head of this script" ;; esac

# One set-up at a time. The descriptor is closed for the daemon, or the lock would live as long as the engine.
exec 9>"$ENGINE_DIR/lock"
flock 9

if [ "$goal" = stop ]; then
  stop_engine
  exit
fi
start_engine
[ "$goal" = engine ] && exit
if [ -n "$foreign" ]; then
  pull_images
  exit
fi
first_images
# what is downloaded, beside what is compiled
debian_images &
downloads=$!
python_bases
[ "$goal" = debian ] || alpine_images
wait "$downloads"
[ "$goal" != more ] || more_images

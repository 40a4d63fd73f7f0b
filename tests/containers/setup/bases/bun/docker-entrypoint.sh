#!/bin/sh
# Options, words that are no command, and files that cannot be run are for bun, as in the official image.
set -e
case ${1-} in
  -*) set -- bun "$@" ;;
  *) if ! command -v "${1-}" >/dev/null || { [ -f "$1" ] && ! [ -x "$1" ]; }; then set -- bun "$@"; fi ;;
esac
exec "$@"

#!/bin/sh
# What stands in /docker-entrypoint.d is run before nginx, in order, as in the official image.
set -e
case $1 in
  nginx | nginx-debug)
    for script in /docker-entrypoint.d/*; do
      case $script in
        *.envsh) [ -x "$script" ] && . "$script" ;;
        *.sh) [ -x "$script" ] && "$script" ;;
      esac
    done
    ;;
esac
exec "$@"

#!/bin/sh
# the official one fills ~/.m2 from a folder first
exec "$@"

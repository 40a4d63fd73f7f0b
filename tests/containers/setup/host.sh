# What the host trusts and where its pip and npm look, so that RUN steps reach the same package indexes as the host.

# Options of the host's pip that say where packages come from. Folders of the host do not exist in a build.
pip_configuration() {
  echo '[global]'
  echo 'cert = /etc/ssl/certs/ca-certificates.crt'
  echo 'disable-pip-version-check = true'
  command -v pip >/dev/null || return 0
  pip config list 2>/dev/null | sed -nE "s/^(global|install|:env:)\.(index-url|extra-index-url|trusted-host)='(.*)'$/\2 = \3/p" |
    grep -v 'file:' | sort -u -t= -k1,1 || true
}

npm_registry() {
  local registry=
  command -v npm >/dev/null && registry=$(cd / && npm config get registry 2>/dev/null || true)
  registry=${registry:-https://registry.npmjs.org/}
  echo "${registry%/}"
}

npm_configuration() {
  echo 'cafile=/etc/ssl/certs/ca-certificates.crt'
  echo "registry=$(npm_registry)/"
  # lock files name mirrors that are out of reach
  echo 'replace-registry-host=always'
  echo 'update-notifier=false'
  # of a connection that nobody answers any more npm would not let go for five minutes
  echo 'fetch-timeout=120000'
}

# host_context FOLDER: lay the host's certificates and package-index configuration into a build context
host_context() {
  mkdir -p "$1/certificates"
  # `none` keeps the folder from being empty, which COPY would leave out
  touch "$1/certificates/none"
  cp /usr/local/share/ca-certificates/*.crt "$1/certificates/" 2>/dev/null || true
  cp /etc/ssl/certs/ca-certificates.crt "$1/certificates.pem"
  pip_configuration >"$1/pip.conf"
  npm_configuration >"$1/npmrc"
}

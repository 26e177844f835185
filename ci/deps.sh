#!/bin/bash
# Installs the Debian packages that building, running and testing need. Asks the network only when one is missing.
set -euo pipefail

packages=(
    gcc make pkg-config libbpf-dev libfuse3-dev libjansson-dev zlib1g-dev # build
    fuse3 e2fsprogs xfsprogs btrfs-progs util-linux                       # run
    libcmocka-dev man-db python3-pytest                                   # test
    clang clang-format clang-tidy cppcheck shellcheck                     # lint
)

missing=()
for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "missing packages; as root: apt-get install ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y install --no-install-recommends "${missing[@]}"

#!/usr/bin/env bash
# Debian packages that the tests and the bench use: a browser, a TURN server, other voices, noise,
# network namespaces, recorded speech. Running the service needs none of them.
set -euo pipefail

packages=(
    chromium coturn espeak-ng flite iproute2 sox
    asterisk-core-sounds-en asterisk-core-sounds-en-g722 codec2-examples pocketsphinx-testdata
    festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts
)

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "the tests need: ${missing[*]} (Debian's names); install them and run this again" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "the tests need packages that root must install: sudo apt-get install ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update
apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}"

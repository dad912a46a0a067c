#!/usr/bin/env bash
# Debian packages that the tests and the bench use: a browser, a TURN server, other voices, network
# namespaces, recorded speech. Running the service needs none of them.
set -euo pipefail

# Package, and what the tests want of it: a program, or a file. Whatever brought that is good.
wanted=(
    "chromium /usr/bin/chromium"
    "coturn turnserver"
    "curl curl"
    "espeak-ng espeak-ng"
    "flite flite"
    "iproute2 ip"
    "asterisk-core-sounds-en /usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    "asterisk-core-sounds-en-g722 /usr/share/asterisk/sounds/en_US_f_Allison"
    "codec2-examples /usr/share/codec2"
    "pocketsphinx-testdata /usr/share/pocketsphinx/test/data"
    "festival text2wave"
    "systemd systemd-analyze"
    "festvox-kallpc16k /usr/share/festival/voices/english/kal_diphone"
    "festvox-kdlpc16k /usr/share/festival/voices/english/ked_diphone"
    "festvox-us-slt-hts /usr/share/festival/voices/us/cmu_us_slt_arctic_hts"
)

there() { # PACKAGE WHAT
    local state
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null || true)
    [ "$state" = installed ] || [ -e "$2" ] || command -v "$2" >/dev/null
}
die() {
    printf 'test-packages: %s\n' "$*" >&2
    exit 1
}

missing=()
lacking=()
for pair in "${wanted[@]}"; do
    read -r package what <<<"$pair"
    there "$package" "$what" && continue
    missing+=("$package")
    lacking+=("$what")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    die "the tests need Debian, as root: their recordings and voices come in its packages, and a Debian 12
machine or container is the shortest way to them. Missing here: ${lacking[*]}
(Debian's packages ${missing[*]}). With all of these in place the tests run elsewhere too"
fi
# Ubuntu's is a snap, which cannot be driven from here.
if [[ " ${missing[*]} " == *" chromium "* ]] && grep -qsx ID=ubuntu /etc/os-release; then
    die "the tests need a Chromium at /usr/bin/chromium, which Ubuntu has as a snap only: put another one there, or run them on Debian"
fi
if [ "$(id -u)" -ne 0 ]; then
    die "the tests need packages that root must install: sudo apt-get install ${missing[*]}"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update
apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}"

#!/bin/sh
# Part of the Dockerfile: collects in DIRECTORY what FFmpeg and the program need to run, and the licences of all of it.
#
#   gather.sh DIRECTORY
set -eu
out=$1
install -D -t "$out/usr/local/bin" /opt/ffmpeg/bin/ffmpeg /opt/ffmpeg/bin/ffprobe

# The libraries and the loader, where the loader looks for them.
for program in "$out"/usr/local/bin/*; do
    ldd "$program" | sed -nE 's/.*=> (\/[^ ]+) .*/\1/p; s/^[[:space:]]*(\/[^ ]+) \(0x.*/\1/p'
done | sort -u >/tmp/libraries
while read -r library; do
    install -D "$library" "$out$library"
done </tmp/libraries

# Users, and in which order names of hosts are looked up: /etc/hosts first.
printf 'root:x:0:0::/:/nologin\nedgereel:x:10001:10001::/:/nologin\n' >"$out/etc/passwd"
printf 'root:x:0:\nedgereel:x:10001:\n' >"$out/etc/group"
printf 'hosts: files dns\n' >"$out/etc/nsswitch.conf"
cp /etc/os-release "$out/etc/os-release"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/ca-certificates.crt"

# Licences, and where the sources are. /var/lib/dpkg/status.d is where scanners look for the packages of such an image.
mkdir -p "$out/var/lib/dpkg/status.d" "$out/usr/share/doc/ffmpeg" "$out/usr/share/common-licenses"
while read -r library; do
    dpkg-query --search "$(realpath "$library")" | cut -d: -f1
done </tmp/libraries | sort -u >/tmp/packages
echo ca-certificates >>/tmp/packages
while read -r package; do
    install -D -m 644 "/usr/share/doc/$package/copyright" "$out/usr/share/doc/$package/copyright"
    dpkg-query --status "$package" >"$out/var/lib/dpkg/status.d/$package"
done </tmp/packages
cp -L /usr/share/common-licenses/* "$out/usr/share/common-licenses/"
source=$(echo /src/ffmpeg-*/)
cp "$source/debian/copyright" "$source/COPYING.GPLv2" "$out/usr/share/doc/ffmpeg/"
/opt/ffmpeg/bin/ffmpeg -hide_banner -buildconf >"$out/usr/share/doc/ffmpeg/BUILDCONF"
version=$(dpkg-parsechangelog -l "$source/debian/changelog" -S Version)
{
    echo "The sources of this image. Source packages of Debian: 'apt-get source NAME=VERSION' with a line 'Types: deb-src' in"
    echo "/etc/apt/sources.list.d, or https://snapshot.debian.org. FFmpeg was configured as BUILDCONF lists, without changes."
    echo
    echo "ffmpeg $version"
    while read -r package; do
        dpkg-query --show --showformat '${source:Package} ${source:Version}\n' "$package"
    done </tmp/packages | sort -u
} >"$out/usr/share/doc/ffmpeg/SOURCES"

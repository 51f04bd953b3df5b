# shellcheck shell=bash
# Players: Chromium with its driver, and GStreamer.

has_browser() {
    [[ -x ${CHROMIUM:-/usr/bin/chromium} ]]
}
has_gstreamer() {
    command -v gst-launch-1.0 >/dev/null
}

has_browser || { install_packages chromium && has_browser; } ||
    note "Chromium cannot be installed: the tests in a browser will be skipped (Debian: apt-get install chromium)"
has_gstreamer ||
    { install_packages gstreamer1.0-tools gstreamer1.0-libav gstreamer1.0-plugins-{base,good,bad} && has_gstreamer; } ||
    note "GStreamer cannot be installed: the tests with it will be skipped (Debian: apt-get install gstreamer1.0-tools)"
has_modules tests/browser || install_modules tests/browser ||
    note "the packages of tests/browser cannot be installed (npm ci): the tests in a browser will be skipped"

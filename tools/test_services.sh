#!/usr/bin/env bash
# Installs what tests need of the system's packages: Chromium, WebKitGTK with codecs and a screen for it, PostgreSQL,
# FFmpeg's libraries for torchcodec, and a voice.
set -euo pipefail

have_postgres() { command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
have_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
# torchcodec needs the shared libraries, which a static ffmpeg lacks
have_ffmpeg() {
  if command -v ldconfig >/dev/null; then ldconfig -p | grep 'libavdevice\.so' >/dev/null; else command -v ffmpeg >/dev/null; fi
}

missing=()
have_chromium || missing+=(chromium)
if command -v apt-get >/dev/null; then # others may have no WebKitGTK; its tests are skipped there
  command -v WebKitWebDriver >/dev/null || missing+=(webkit2gtk-driver gstreamer1.0-{libav,plugins-good,plugins-bad})
  command -v Xvfb >/dev/null || missing+=(xvfb)
fi
have_postgres || missing+=(postgresql)
have_ffmpeg || missing+=(ffmpeg)
command -v espeak-ng >/dev/null || missing+=(espeak-ng)
[ ${#missing[@]} -eq 0 ] && exit 0

if command -v apt-get >/dev/null; then
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Please install ${missing[*]} with your system's package manager, then run make test again." >&2
  exit 2
fi

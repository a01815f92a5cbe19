#!/bin/sh
# Make sure that there is a Chromium for the tests of the HTML report: one that is here already, or
# the headless one of Debian's packages. Without either the tests say so; this never fails a build.
[ -n "$NNSCRATCH_BROWSER" ] && exit 0
for name in chromium-headless-shell chromium chromium-browser google-chrome chrome; do
  command -v "$name" >/dev/null && exit 0
done
as_root=""
if [ "$(id -u)" != 0 ]; then
  as_root="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
  echo "No Chromium found, and none can be installed here: the report is not tested in a browser."
  echo "Install Chromium yourself, or name one in NNSCRATCH_BROWSER."
  exit 0
fi
echo "==> Installing a headless Chromium (about 70 MB)"
patience="-o Acquire::Retries=2 -o Acquire::http::Timeout=60"
install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get $patience -qq -y"
log=$(mktemp)
{
  $as_root apt-get $patience -qq update
  $install install --no-install-recommends chromium-headless-shell fonts-dejavu-core ||
    $install install --no-install-recommends chromium fonts-dejavu-core
} >"$log" 2>&1 || tail -n 5 "$log"
rm -f "$log"
exit 0

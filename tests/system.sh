#!/bin/sh
# Make sure that the system has what the tests of the HTML report need, a Chromium, and two peers of
# the benchmarks: a clang, by which tinygrad compiles, and oneDNN. What is here already is taken,
# else Debian's packages are. Without them tests are skipped and say why; this never fails a build.
has() {
  for name; do
    command -v "$name" >/dev/null && return 0
  done
  return 1
}
set --
[ -n "$NNSCRATCH_BROWSER" ] ||
  has chromium-headless-shell chromium chromium-browser google-chrome chrome ||
  set -- chromium-headless-shell fonts-dejavu-core
has clang clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 || set -- "$@" clang
ldconfig -p 2>/dev/null | grep -q libdnnl || set -- "$@" libdnnl-dev
[ $# = 0 ] && exit 0
as_root=""
if [ "$(id -u)" != 0 ]; then
  as_root="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
  echo "Not found, and cannot be installed here: $*. Tests that need them are skipped."
  echo "Install them yourself; a Chromium can be named in NNSCRATCH_BROWSER."
  exit 0
fi
echo "==> Installing $* (about 150 MB)"
patience="-o Acquire::Retries=2 -o Acquire::http::Timeout=60"
log=$(mktemp)
{
  $as_root apt-get $patience -qq update
  for name; do # one by one: not every system has each of them
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $patience -qq -y \
      install --no-install-recommends "$name"
  done
  [ "$1" != chromium-headless-shell ] || has chromium-headless-shell ||
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $patience -qq -y \
      install --no-install-recommends chromium
} >"$log" 2>&1 || tail -n 5 "$log"
rm -f "$log"
exit 0

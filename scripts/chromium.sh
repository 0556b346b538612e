#!/bin/sh
# Finds or installs a headless Chromium for the tests of the report's pages, without root.
#
# Leaves .deps/chromium/chromium, which the tests look for after SEQFORMER_CHROMIUM and PATH. Where none of these is, the
# tests are skipped and say so. Installing takes packages of Debian (apt-get, 85 MB); on other systems install
# Chromium or Chrome in the usual way. Safe to run again; the second time it only looks.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "chromium: $1" >&2
    exit 1
}

if [ -n "${SEQFORMER_CHROMIUM:-}" ]; then
    [ -x "$SEQFORMER_CHROMIUM" ] || fail "SEQFORMER_CHROMIUM=$SEQFORMER_CHROMIUM: expected a program, found none; correct or unset it"
    exit
fi
for name in chromium-headless-shell chromium chromium-browser google-chrome chrome-headless-shell; do
    command -v "$name" >/dev/null && exit
done
[ -x .deps/chromium/chromium ] && exit

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    fail "no Chromium found, and no apt-get to install one: install Chromium or Chrome, or set SEQFORMER_CHROMIUM to one"
package=chromium-headless-shell
mkdir -p .deps
folder=$(mktemp -d "$PWD/.deps/chromium.XXXXXX")
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/packages" "$folder/lists/partial" "$folder/cache"
options=

# Downloads the package and what it needs beyond this system. Reads $options.
download() {
    needed=$(apt-get $options install --simulate --no-install-recommends $package | sed -n 's/^Inst \([^ ]*\).*/\1/p')
    [ -n "$needed" ] && cd "$folder/packages" && apt-get $options download $needed
}

echo "chromium: downloading $package into .deps (85 MB)"
if ! (download) >"$folder/log" 2>&1; then
    # The system's lists of packages are missing or old: take new ones, which needs no root in a folder of our own.
    options="-o Dir::State::lists=$folder/lists -o Dir::Cache=$folder/cache"
    (apt-get $options update && download) >"$folder/log" 2>&1 || {
        cat "$folder/log" >&2
        fail "the packages cannot be downloaded: check the network and run this again, or set SEQFORMER_CHROMIUM"
    }
fi
for archive in "$folder"/packages/*.deb; do
    dpkg-deb -x "$archive" "$folder"
done
rm -r "$folder/packages" "$folder/lists" "$folder/cache"
cat >"$folder/chromium" <<'END'
#!/bin/sh
# Chromium with the libraries that came with it.
here=$(cd "$(dirname "$0")" && pwd)
for libraries in "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu/pulseaudio; do
    [ -d "$libraries" ] && LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "$here/usr/lib/chromium/chromium-headless-shell" "$@"
END
chmod +x "$folder/chromium"
"$folder/chromium" --no-sandbox --version >/dev/null 2>"$folder/log" || {
    cat "$folder/log" >&2
    fail "the installed Chromium does not start"
}
rm -rf .deps/chromium "$folder/log"
mv "$folder" .deps/chromium
trap - EXIT

#!/bin/sh
# Installs the wheel into an environment of its own, and runs the tests of the Python package there. The wheel has the
# profile of the other tests, so that it shares what they have built.
set -eu
cd "$(dirname "$0")/.."
wheels=target/wheel/dist
venv=target/wheel/venv

rm -rf "$wheels"
scripts/wheel.sh dev "$PWD/$wheels"
packages='numpy pandas pycocotools pytest'
if [ "$(cat "$venv/packages" 2>/dev/null || true)" != "$packages" ]; then
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv"
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check $packages || {
        echo "test: pip could not install $packages: check the network and run this again" >&2
        exit 1
    }
    echo "$packages" >"$venv/packages"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$wheels"/*.whl
# Outside of python/, so that the installed package is tested.
exec "$venv/bin/python" -P -m pytest --quiet -p no:cacheprovider -c python/pyproject.toml --rootdir python python/tests "$@"

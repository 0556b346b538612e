#!/bin/sh
# Installs the wheel into an environment of its own, and runs the tests of the Python package there. The wheel has the
# profile of the other tests, so that it shares what they have built. TORCH=FOLDER, the folder of another installed torch,
# builds for that one too and runs the tests beside it instead of the libtorch of .deps.
set -eu
cd "$(dirname "$0")/.."
wheels=target/wheel/dist
venv=target/wheel/venv

rm -rf "$wheels"
scripts/wheel.sh dev "$PWD/$wheels" ${TORCH:+"$TORCH"}
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
# The torch of .deps or of TORCH, for what predicts and trains: those tests are skipped without it.
"$venv/bin/python" - "${TORCH:-.deps/libtorch}" <<'PYTHON'
import pathlib, subprocess, sys, sysconfig
torch = pathlib.Path(sys.argv[1]).resolve()
link = pathlib.Path(sysconfig.get_path("purelib"), "torch-of-deps.pth")
link.write_text(f"{torch.parent}\n" if (torch / "version.py").exists() else "")
if subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode != 0:
    link.write_text("")
    print(f"test: this Python cannot import {torch}, so predictions and trainings from Python are not tested")
PYTHON
# Outside of python/, so that the installed package is tested.
exec "$venv/bin/python" -P -m pytest --quiet -p no:cacheprovider -c python/pyproject.toml --rootdir python python/tests "$@"

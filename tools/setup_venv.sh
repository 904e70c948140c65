#!/bin/sh
# Make .venv hold the packages of a lock file and degcraft itself; where it does already, nothing is done.
#     tools/setup_venv.sh PYTHON requirements.lock|requirements-dev.lock
# A .venv that is broken, moved, half made, or made from another Python or lock file is made anew.
set -eu
python=$1
lock=$2
stamps=.venv/set-up # a digest of each file that .venv was made from; that of requirements.lock is written last

fail() {
    echo "$1" >&2
    exit 1
}

digest() {
    { echo "$tag" && pwd -P && cat "$1"; } | cksum
}

same() {
    [ "$(cat "$stamps/$1" 2>/dev/null)" = "$(digest "$1")" ]
}

pip() {
    .venv/bin/python -m pip --disable-pip-version-check install $quiet "$@" ||
        fail "Setting up .venv failed: pip could not install its packages (see above). The next make tries again."
}

# The interpreter's kind and version, and its path: the base one, since PYTHON may be that of an activated .venv.
found=$("$python" -c 'import ensurepip, sys, venv
if sys.version_info >= (3, 11): print(sys.implementation.cache_tag, sys._base_executable)' 2>/dev/null) || true
tag=${found%% *} base=${found#* }
[ -x "$base" ] || fail "degcraft needs Python 3.11 or newer with its venv module, and '$python' \
($("$python" --version 2>/dev/null || echo 'not found or broken')) is not that: install one (on Debian or Ubuntu: \
apt install python3 python3-venv), or name one that you have, as in 'make demo PYTHON=python3.12'."

new=yes
works=$(.venv/bin/python -c 'import sys; print(sys.implementation.cache_tag)' 2>/dev/null) || true
if [ "$works" = "$tag" ] && same requirements.lock; then
    if same "$lock"; then
        if same pyproject.toml; then exit; fi
        new=no
    elif ! [ -e "$stamps/$lock" ]; then
        new=no
    fi
fi

trap 'fail "Setting up .venv was interrupted; the next make starts it afresh."' INT TERM HUP
if [ -t 1 ]; then quiet=; else quiet=-qq; fi
if [ $new = yes ]; then
    count=$(cat requirements.lock "$lock" | sort -u | grep -c ==)
    echo "setting up .venv: installing $count locked packages, 1.6 GB or more with PyTorch; takes a minute or two"
    rm -rf .venv
    "$base" -m venv .venv || fail "Setting up .venv failed: '$base' could not make a virtual environment (see above)."
else
    echo "setting up .venv: adding what $lock and pyproject.toml ask for"
    rm "$stamps/requirements.lock"
fi
pip -r "$lock"
pip --no-deps -e .
mkdir -p "$stamps"
for file in pyproject.toml "$lock" requirements.lock; do
    digest "$file" >"$stamps/$file"
done

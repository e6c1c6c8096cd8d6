#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Gets the real Blenders that the tests drive, each into a folder of its own:
#
#   ${ATRIUM_CACHE:-$HOME/.cache/atrium}/blenders/<name>
#     run SCRIPT.py ARGS...   runs a script with bpy, no window; the script finds
#                             its ARGS behind "--" in sys.argv, as in Blender
#     blender ARGS...         the real executable, which can open a window
#                             (deb43 and deb52 only)
#     version                 what it said it is when it was checked
#
#   bpy42 bpy45 bpy50   the official builds 4.2 LTS, 4.5 LTS and 5.0, as Python
#                       wheels in a virtual environment of Python 3.11
#   bpy51               the official build 5.1, the same with Python 3.13 (there is no
#                       wheel of 5.2)
#   deb43 deb52         Debian's builds, 4.3 of trixie and 5.2 LTS of sid, each
#                       in a folder that debootstrap fills; needs root
#
# usage: blenders.sh [NAME...|all]
#
# A Blender is made in a temporary folder, started there to see that it works,
# and renamed: a half-finished one never counts. One lock per name lets several
# test runs call this at once; the second waits and finds all done. What this
# machine cannot have (no root, no Python 3.11) is skipped with a loud line and
# exit status 0; what should have worked and did not gives exit status 1.
# Folders of another recipe (RECIPE below) are replaced.

set -euo pipefail

RECIPE=1
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SELF=$HERE/$(basename "${BASH_SOURCE[0]}")
CACHE=${ATRIUM_CACHE:-$HOME/.cache/atrium}
BLENDERS=$CACHE/blenders
ALL=(bpy42 bpy50 bpy45 deb43 deb52 bpy51)

# name -> what to install; numpy as each official build ships it
declare -A WHEELS=(
    [bpy42]="bpy==4.2.23 numpy==1.26.4"
    [bpy45]="bpy==4.5.15 numpy==1.26.4"
    [bpy50]="bpy==5.0.1 numpy==1.26.4"
    [bpy51]="bpy==5.1.1 numpy==2.3.*"
)
declare -A RELEASES=([deb43]=trixie [deb52]=sid)
declare -A EXPECT=([bpy42]=4.2. [bpy45]=4.5. [bpy50]=5.0. [bpy51]=5.1. [deb43]=4.3. [deb52]=5.2.)
DEB_PACKAGES="blender python3-numpy libgl1 libgl1-mesa-dri libegl1 libglx-mesa0"
# Imported by 5.2's own extension system, but no dependency of Debian's package.
declare -A DEB_EXTRA=([deb43]="" [deb52]="python3-cattr python3-requests")

say() { echo "blenders: $*" >&2; }
skip() { # NAME REASON: cannot be had on this machine
    say "************ SKIPPED $1: $2"
}

is_ready() {
    [ "$(cat "$BLENDERS/$1/recipe" 2>/dev/null)" = "$RECIPE" ] && [ -s "$BLENDERS/$1/version" ]
}

# Debian's mirror is the one that this machine's apt uses already; without one
# (Ubuntu), the answer is empty and debootstrap takes its own default.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' 2>/dev/null | sed -n 1p
}

bootstrap() { # RELEASE FOLDER
    local mirror
    mirror=$(debian_mirror)
    # shellcheck disable=SC2086
    debootstrap --variant=minbase "$1" "$2" $mirror
}

# --- Python ------------------------------------------------------------------

python_of() { # MINOR CANDIDATE...: prints the first that is exactly 3.MINOR and can make environments
    local minor=$1 name
    shift
    for name in "$@"; do
        [ -n "$name" ] || continue
        if "$name" -c "import sys, venv; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

python311() { python_of 11 "${ATRIUM_PYTHON311:-}" python3.11 python3 "$CACHE/python311/python3.11"; }
python313() { python_of 13 "${ATRIUM_PYTHON313:-}" python3.13 python3; }

# Takes Python 3.11 from a bookworm folder. It is run by this machine's own
# loader and C library, not in a chroot: the modules under test are built here
# and may need a newer C library than bookworm's. Of bookworm's libraries only
# those that this machine lacks are used.
make_python311() { # FOLDER
    local root=$1/root lib base here
    bootstrap bookworm "$root"
    chroot "$root" apt-get install -y -q --no-install-recommends python3.11 python3.11-venv libpython3.11-stdlib
    mkdir -p "$1/lib"
    here=$(ldconfig -p)
    for lib in "$root"/usr/lib/*-linux-gnu/*.so.* "$root"/lib/*-linux-gnu/*.so.*; do
        base=$(basename "$lib")
        grep -qF "$base " <<<"$here" || ln -sf "$(realpath --relative-to="$1/lib" "$lib")" "$1/lib/$base"
    done
    cat >"$1/python3.11" <<'WRAPPER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/root/usr/bin/python3.11" "$@"
WRAPPER
    chmod +x "$1/python3.11"
    "$1/python3.11" -c 'import ssl, sqlite3, ctypes, zlib, lzma'
}

get_python311() {
    python311 >/dev/null && return 0
    [ "$(id -u)" -eq 0 ] || return 1
    (
        flock 8
        python311 >/dev/null && exit 0
        say "this machine has no Python 3.11; getting bookworm's into $CACHE/python311"
        rm -rf "$CACHE/.python311.new" "$CACHE/python311"
        mkdir -p "$CACHE/.python311.new"
        if ! "$SELF" --make-python311 "$CACHE/.python311.new" >"$CACHE/python311.log" 2>&1 8>&-; then
            say "FAILED; see $CACHE/python311.log"
            exit 1
        fi
        mv "$CACHE/.python311.new" "$CACHE/python311"
    ) 8>"$CACHE/.python311.lock"
}

# --- the official builds -----------------------------------------------------

make_wheel() { # NAME FOLDER
    local python tools
    if [ "$1" = bpy51 ]; then
        python=$(python313)
    else
        get_python311
        python=$(python311)
    fi
    # The interpreter is a link to one outside the folder, so a rename does no
    # harm. pip is that of build/venv: Debian's Python 3.11 brings none along.
    tools=$("$HERE/venv.sh")
    "$python" -m venv --without-pip "$2/venv"
    # shellcheck disable=SC2086
    "$tools" -m pip --python "$2/venv/bin/python" install --quiet --disable-pip-version-check ${WHEELS[$1]}
}

write_wheel_scripts() { # FOLDER
    cat >"$1/run" <<'WRAPPER'
#!/bin/sh
# usage: run SCRIPT.py ARGS...
here=$(dirname "$(readlink -f "$0")")
extra=$here/../../python311/lib
if [ -d "$extra" ]; then export LD_LIBRARY_PATH="$extra${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; fi
script=$1
shift
exec "$here/venv/bin/python" "$here/boot.py" "$script" -- "$@"
WRAPPER
}

# --- Debian's builds ---------------------------------------------------------

make_deb() { # NAME FOLDER
    bootstrap "${RELEASES[$1]}" "$2/root"
    # No service may start in there, and nothing may ask.
    printf '#!/bin/sh\nexit 101\n' >"$2/root/usr/sbin/policy-rc.d"
    chmod +x "$2/root/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive chroot "$2/root" \
        apt-get install -y -q --no-install-recommends $DEB_PACKAGES ${DEB_EXTRA[$1]}
    rm -rf "$2"/root/var/cache/apt/archives/*.deb
}

# The mounts are made in a namespace of the process's own, so none outlives it,
# and every step is an exec, so the process id is Blender's.
write_deb_scripts() { # FOLDER
    cat >"$1/blender" <<'WRAPPER'
#!/bin/sh
# usage: blender ARGS...   ATRIUM_BIND: further folders it shall see, separated by ":"
here=$(dirname "$(readlink -f "$0")")
exec unshare --mount --propagation private "$here/enter.sh" "$here/root" blender "$@"
WRAPPER
    cat >"$1/enter.sh" <<'WRAPPER'
#!/bin/sh
# Runs inside the namespace: makes the machine visible in the folder, then enters it.
root=$1
shift
bind() {
    [ -e "$1" ] || return 0
    mkdir -p "$root$1" && mount --rbind "$1" "$root$1"
}
IFS=:
for folder in /dev:/proc:/sys:/tmp:$HOME:$PWD:$ATRIUM_BIND; do
    for one in $folder; do
        case $one in
            / | "" | /usr* | /etc* | /lib*) continue ;;
        esac
        bind "$one"
    done
done
unset IFS
[ ! -e /etc/resolv.conf ] || cat /etc/resolv.conf >"$root/etc/resolv.conf" 2>/dev/null
exec chroot "$root" /bin/sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" "$@"
WRAPPER
    cat >"$1/run" <<'WRAPPER'
#!/bin/sh
# usage: run SCRIPT.py ARGS...
here=$(dirname "$(readlink -f "$0")")
script=$(readlink -f "$1")
shift
export ATRIUM_BIND="$here:$(dirname "$script"):$ATRIUM_BIND" ATRIUM_SCRIPT="$script"
exec "$here/blender" --background --factory-startup --python-exit-code 1 --python "$here/boot.py" -- "$@"
WRAPPER
    chmod +x "$1/blender" "$1/enter.sh"
}

# --- common ------------------------------------------------------------------

# Runs the script as __main__ and leaves by os._exit: 4.5 can hang when its
# interpreter ends after an exception.
write_boot() { # FOLDER
    cat >"$1/boot.py" <<'BOOT'
import os, runpy, sys, traceback

def main():
    script = os.environ.pop("ATRIUM_SCRIPT", None)
    if script is None:
        script = sys.argv.pop(1)
    sys.argv[0] = script
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    import bpy  # noqa: F401  the wheel sets up its paths here
    runpy.run_path(script, run_name="__main__")

code = 0
try:
    main()
except SystemExit as stop:
    if isinstance(stop.code, str):
        print(stop.code, file=sys.stderr)
    code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
except BaseException:
    traceback.print_exc()
    code = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
BOOT
}

# The scripts are cheap, so they are written at every call: an older folder gets
# the present ones without a new download. A rename replaces each at once.
write_scripts() { # NAME FOLDER
    local temp=$2/.scripts.$$ file
    mkdir -p "$temp"
    case $1 in
        bpy*) write_wheel_scripts "$temp" ;;
        deb*) write_deb_scripts "$temp" ;;
    esac
    write_boot "$temp"
    chmod +x "$temp/run"
    for file in "$temp"/*; do
        cmp -s "$file" "$2/$(basename "$file")" || mv "$file" "$2/"
    done
    rm -rf "$temp"
}

verify() { # NAME FOLDER: starts it and writes what it says it is
    local probe=$2/probe.py said
    cat >"$probe" <<'PROBE'
import bpy, numpy
bpy.ops.mesh.primitive_cube_add()
print("ATRIUM-VERSION", bpy.app.version_string, "numpy", numpy.__version__, flush=True)
PROBE
    said=$(BLENDER_USER_RESOURCES=$2/.probe timeout 120 "$2/run" "$probe" | sed -n 's/^ATRIUM-VERSION //p')
    rm -rf "$probe" "$2/.probe"
    case $said in
        "${EXPECT[$1]}"*) echo "$said" >"$2/version" ;;
        *)
            echo "$1 says it is '$said', expected ${EXPECT[$1]}*"
            return 1
            ;;
    esac
}

make() { # NAME FOLDER
    case $1 in
        bpy*) make_wheel "$1" "$2" ;;
        deb*) make_deb "$1" "$2" ;;
    esac
    write_scripts "$1" "$2"
    verify "$1" "$2"
    echo "$RECIPE" >"$2/recipe"
}

# 0 ready, 1 failed, 2 skipped
get() { # NAME
    local name=$1 temp=$BLENDERS/.new.$1 log=$BLENDERS/$1.log
    case $name in
        deb*)
            [ "$(id -u)" -eq 0 ] || { skip "$name" "needs root"; return 2; }
            command -v debootstrap >/dev/null || { skip "$name" "no debootstrap; run tests/setup/packages.sh"; return 2; }
            ;;
        bpy51)
            is_ready "$name" || python313 >/dev/null || { skip "$name" "needs Python 3.13"; return 2; }
            ;;
        bpy*)
            python311 >/dev/null || [ "$(id -u)" -eq 0 ] || { skip "$name" "needs Python 3.11, or root to get it"; return 2; }
            ;;
    esac
    (
        flock 9
        if is_ready "$name"; then
            write_scripts "$name" "$BLENDERS/$name"
            exit 0
        fi
        say "getting $name (log: $log)"
        rm -rf "$temp" "${BLENDERS:?}/$name"
        mkdir -p "$temp"
        # A process of its own: bash ignores "set -e" in all that get() calls,
        # because its caller looks at the status.
        if ! "$SELF" --make "$name" "$temp" >"$log" 2>&1 9>&-; then
            say "FAILED $name; the end of $log:"
            tail -n 5 "$log" >&2
            rm -rf "$temp"
            exit 1
        fi
        mv "$temp" "$BLENDERS/$name"
    ) 9>"$BLENDERS/.$name.lock" || return 1
    say "ready $name: $(cat "$BLENDERS/$name/version")"
}

main() {
    local names=("$@") name failed=0 status
    case ${1:-} in
        --make) make "$2" "$3"; return ;;
        --make-python311) make_python311 "$2"; return ;;
    esac
    if [ $# -eq 0 ] || [ "$1" = all ]; then names=("${ALL[@]}"); fi
    mkdir -p "$BLENDERS"
    for name in "${names[@]}"; do
        [ -n "${EXPECT[$name]:-}" ] || { say "no such Blender: $name (${ALL[*]})"; exit 1; }
    done
    for name in "${names[@]}"; do
        status=0
        get "$name" || status=$?
        [ $status -ne 1 ] || failed=1
    done
    return $failed
}

main "$@"

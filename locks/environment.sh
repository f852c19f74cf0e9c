# Sourced by ./run and ./test: makes .venv from a lock file, with hashes, or leaves it alone when it is as asked.

# Somebody else's settings must not lead Python or pip elsewhere.
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_REQUIRE_VIRTUALENV CDPATH

stop() {
    printf '%s\n' "$*" >&2
    exit 1
}

# A Python of 3.11 or later, by any of its usual names.
find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" > /dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            command -v "$name"
            return
        fi
    done
    stop "Python 3.11 ou plus récent est nécessaire : installez-le (par exemple « apt install python3 python3-venv »)."
}

# Runs a command that may be long so that Ctrl-C and SIGTERM end it at once, and leave nothing of it.
CHILDREN=()
patiently() {
    "$@" < /dev/null &
    CHILDREN+=($!)
    wait "${CHILDREN[-1]}"
}

# Called from within a command whose output goes to a log: descriptor 8 is the terminal's.
interrupted() {
    trap '' INT TERM HUP
    local child
    for child in "${CHILDREN[@]}"; do
        kill "$child" 2> /dev/null || true
    done
    wait
    rm -rf .venv/tmp
    printf '\nInstallation interrompue : relancez, elle reprendra.\n' >&8
    exit "$1"
}

new_environment() {
    local python=$1 log=$2
    patiently "$python" -m venv --clear .venv > "$log" 2>&1 && return
    # Debian and Ubuntu ship Python without venv's half: take it where we may, ask for it where we may not.
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
        echo "Installation de python3-venv …"
        local version
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        # In the foreground: a package manager is never to be cut short.
        { apt-get update && { apt-get install -y --no-install-recommends "python$version-venv" \
            || apt-get install -y --no-install-recommends python3-venv; }; } >> "$log" 2>&1 < /dev/null \
            && patiently "$python" -m venv --clear .venv >> "$log" 2>&1 && return
    fi
    if "$python" -m virtualenv --version > /dev/null 2>&1; then
        patiently "$python" -m virtualenv --clear .venv >> "$log" 2>&1 && return
    fi
    stop "Python n’a pas de quoi créer un environnement : installez python3-venv (« sudo apt install python3-venv »), puis relancez."
}

pip_install() {
    # Uncompressed wheels go to .venv/tmp, so that a killed pip leaves nothing in /tmp.
    TMPDIR="$PWD/.venv/tmp" patiently .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check \
        --no-deps --no-compile "$@"
}

# Compiles what a run imports, and nothing else: half of an install is otherwise spent on modules that nobody loads.
warm_up() {
    env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c '
import backoffice.app, backoffice.cli.commands, backoffice.embedded.directory, backoffice.embedded.mailcatcher
import backoffice.operations.house, backoffice.worker'
}

# The place is part of the mark: a moved folder has scripts that name the old one.
mark_of() {
    printf '%s %s' "$PWD" "$(cat locks/run.txt "$1" pyproject.toml | cksum)"
}

# Whether .venv holds what the lock file asks for; the environment of the tests holds all that a run needs.
is_installed() {
    local have
    have=$(cat .venv/.installed 2> /dev/null) || return 1
    [ "$have" = "$(mark_of "$1")" ] || [ "$1 $have" = "locks/run.txt $(mark_of locks/test.txt)" ] || return 1
    .venv/bin/python -c '' 2> /dev/null
}

make_environment() {
    local lock=$1 log python
    is_installed "$lock" && return
    mkdir -p var/log 2> /dev/null && [ -w . ] \
        || stop "Le dossier « $PWD » ne peut pas être écrit : changez ses droits, ou copiez le projet dans un dossier à vous."
    log=$PWD/var/log/installation.log
    exec 8>&2
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
    trap 'interrupted 129' HUP
    # One install at a time in a folder; a second start waits, then finds the work done.
    if command -v flock > /dev/null; then
        exec 9> var/log/installation.lock
        patiently flock 9
        if is_installed "$lock"; then
            exec 9>&- 8>&-
            trap - INT TERM HUP
            return
        fi
    fi
    python=$(find_python)
    # Without its mark an environment is half made, with another folder's it was moved: both are made anew.
    case $(cat .venv/.installed 2> /dev/null || true) in
        "$PWD "[0-9]*) .venv/bin/python -m pip --version > /dev/null 2>&1 || rm -rf .venv ;;
        *) rm -rf .venv ;;
    esac
    [ -d .venv ] || new_environment "$python" "$log"
    rm -f .venv/.installed
    mkdir -p .venv/tmp
    echo "Installation des dépendances verrouillées (une fois) …"
    pip_install --require-hashes -r "$lock" >> "$log" 2>&1 && pip_install --no-build-isolation -e . >> "$log" 2>&1 \
        || stop "L’installation a échoué (réseau ?) : voir var/log/installation.log, puis relancez."
    patiently warm_up >> "$log" 2>&1 || stop "Une dépendance ne se charge pas : voir var/log/installation.log."
    rm -rf .venv/tmp
    mark_of "$lock" > .venv/.installed
    exec 9>&- 8>&-
    trap - INT TERM HUP
}

# The browser tests drive a Chromium of the system.
find_browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" > /dev/null && return
    done
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
        echo "Installation de Chromium pour les essais au navigateur …"
        { apt-get update && apt-get install -y --no-install-recommends chromium; } > var/log/chromium.log 2>&1 < /dev/null && return
    fi
    stop "Les essais au navigateur ont besoin de Chromium : « sudo apt install chromium », puis relancez ./test."
}

#!/usr/bin/env bash
# All checks and tests of taffrail, with whatever they need: `tests/run.sh` from anywhere in a clone.
# Installs missing Debian packages where it may; what it had to leave out it says at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

skipped=()

# need PROGRAM PACKAGE WHAT-FOR: installs a Debian package unless the program is there.
need() {
    command -v "$1" >/dev/null 2>&1 && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing $2: $3"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null && return 0
    fi
    skipped+=("$1 is missing (Debian: $2): $3")
    return 1
}

command -v cargo >/dev/null 2>&1 || { echo "Rust 1.95 or newer is missing; install it with rustup" >&2; exit 1; }
need cc gcc "the Rust toolchain links with it"
need python3 python3 "python tasks run with it" || true
need docker-registry docker-registry "plugins are published to it" || true
need minisign minisign "plugins are signed with it" || true
need strace strace "system calls that fail are made with it" || true
[ -n "$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null)" ] || need faketime faketime "a clock that jumps is simulated with it" || true
# What plugins of other authors are built with; the compilers for Go, Python and JavaScript come from PyPI and npm, in the tests.
need clang clang "plugins in C are built with it" || true
need wasm-ld lld "plugins in C and Rust are linked with it" || true
if [ ! -e /usr/include/wasm32-wasi/stdlib.h ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wasi-libc >/dev/null || true
    fi
    [ -e /usr/include/wasm32-wasi/stdlib.h ] || skipped+=("wasi-libc is missing: plugins in C are built with it")
fi
if ! python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null || true
    fi
    python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || skipped+=("python3-venv is missing: the test of the kestra client needs it")
fi
# The editor's language server runs on node; the tests install it themselves, with npm, and say so where they cannot.
need node nodejs "the tests of the editor's schema run the real language server" || true
need npm npm "it installs the language server for the tests" || true
need nvim neovim "an editor is set up as the manual says" || true
# A container engine of our own, and what its images, its registry and its other kind are made of.
PATH=$PATH:/usr/sbin:/sbin
if [ "$(id -u)" = 0 ]; then
    need dockerd docker.io "containers run in it" || true
    need iptables iptables "the container engine needs it for networks" || true
    need busybox busybox-static "the tests' images are made of it" || true
    need docker-registry docker-registry "pulls from a private registry are tested with it" || true
    need htpasswd apache2-utils "the private registry's passwords are made by it" || true
    need podman podman "the other container engine" || true
    need catatonit catatonit "Podman's first process of a container" || true
    need openssl openssl "an engine over TLS has certificates of its own" || true
    need sshd openssh-server "an engine is reached over SSH" || true
    need mmdebstrap mmdebstrap "the image with Python is made by it" || true
else
    skipped+=("not root: no private container engine, tests of containers take the one at DOCKER_HOST or the default socket, if any")
fi
# The interpreters of the script languages, together about 500 MB, most of it Go's. What Debian lacks (Julia, PowerShell, .NET, JBang)
# is tested by what would be started; Deno and Bun come from npm where that is.
languages() {
    local wanted=() row
    for row in "go golang-go" "Rscript r-base-core" "ruby ruby" "perl perl" "php php-cli" "lua lua5.4" "node nodejs" "npm npm"; do
        command -v "${row%% *}" >/dev/null 2>&1 || wanted+=("${row##* }")
    done
    [ "${#wanted[@]}" -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 0
    echo "installing ${wanted[*]}: the languages' tests run with them"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null || true
}
languages
# The same answer for the same tree: the property tests draw the same cases. Another seed looks for what these do not find.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}

# What the compiler would keep to build the next time faster is a third of what all this takes of the disk.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}

run() { echo "+ $*"; "$@"; }

# What authors of plugins would get from a registry: complete, and nothing of this repository in it, so that it builds alone.
run cargo package --quiet --locked --allow-dirty -p taffrail-plugin

if cargo fmt --version >/dev/null 2>&1; then run cargo fmt --all --check; else skipped+=("rustfmt is not installed"); fi
if cargo clippy --version >/dev/null 2>&1; then
    run cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
else
    skipped+=("clippy is not installed")
fi
if cargo deny --version >/dev/null 2>&1; then
    run cargo deny --offline check bans licenses sources
else
    skipped+=("cargo-deny is not installed (\`cargo install --locked cargo-deny\`): licences and sources are tested without it, bans are not")
fi
# The tests of the program take the one that this builds; building it alone would build its dependencies a second time.
run cargo test --quiet --locked --workspace --no-run
TAFFRAIL_BIN=$(realpath "${CARGO_TARGET_DIR:-target}/debug/taffrail")
export TAFFRAIL_BIN
# Tests rebuild the committed plugins where this machine has a compiler for them; that compiler is large, so it is not installed here.
toolchain=$("${CARGO_TARGET_DIR:-target}/debug/taffrail-plugin-build" --toolchain 2>&1) || skipped+=("no Wasm toolchain, so the committed plugins were not rebuilt: $toolchain")
# What a test had to leave out it says in a line that begins with SKIPPED.
scratch=$(mktemp -d)
log=$scratch/log
# One engine for all tests. It ends when its standard input does, that is, with this shell, however that ends.
stop_engine() {
    [ -n "${engine:-}" ] || return 0
    exec {commands}>&-
    wait "$engine" || true
}
trap 'stop_engine; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$(id -u)" = 0 ] && command -v dockerd >/dev/null 2>&1; then
    mkfifo "$scratch/commands" "$scratch/answers"
    tests/engine.sh docker "$scratch/taffrail-engine-$$" <"$scratch/commands" >"$scratch/answers" &
    engine=$!
    exec {commands}>"$scratch/commands" {answers}<"$scratch/answers"
    if read -r -t 120 answer <&"$answers" && [ "$answer" = ready ]; then
        export TAFFRAIL_TEST_ENGINE=unix://$scratch/taffrail-engine-$$/engine.sock
        echo "container engine: $TAFFRAIL_TEST_ENGINE"
    else
        skipped+=("no private container engine: ${answer:-it does not answer}")
    fi
fi
{
    # Whatever a test leaves behind must not keep the engine waiting for more commands.
    [ -z "${engine:-}" ] || exec {commands}>&- {answers}<&-
    run cargo test --locked --workspace --no-fail-fast
} 2>&1 | tee "$log"
while IFS= read -r line; do skipped+=("${line#SKIPPED }"); done < <(grep '^SKIPPED' "$log" || true)

if [ "${#skipped[@]}" -gt 0 ]; then
    echo "skipped:"
    printf '  %s\n' "${skipped[@]}"
else
    echo "nothing was skipped"
fi

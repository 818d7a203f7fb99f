#!/bin/sh
# Compiles a trainer: build.sh FILE... [-o OUTPUT] [options of the compiler]
#
# OUTPUT is target/trainer.wasm unless said otherwise. The compiler is $CC, or a wasi-sdk at $WASI_SDK_PATH, or a
# clang that is found: `CC="zig cc"` works too. -DARKOR_LOOP makes a trainer with a training loop.
set -eu
sdk=$(cd "$(dirname "$0")" && pwd)

first() {
  for name in "$@"; do
    if command -v "$name" >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  echo "no C compiler is here: set CC, or install clang and lld (Debian: clang-22 lld-22" \
    "libclang-rt-22-dev-wasm32 wasi-libc)" >&2
  exit 1
}

if [ -n "${CC:-}" ]; then
  compiler=$CC
elif [ -n "${WASI_SDK_PATH:-}" ]; then
  compiler=$WASI_SDK_PATH/bin/clang
else
  compiler=$(first clang-22 clang-21 clang-20 clang-19 clang)
fi

# The name of the target is also that of the folder of its C library.
target=wasm32-wasip1
# zig has no such option, for it does that by default.
stack=-Wl,--stack-first
case $compiler in
*zig*)
  target=wasm32-wasi
  stack=
  ;;
*) if [ -z "${WASI_SDK_PATH:-}" ] && [ -d /usr/include/wasm32-wasi ]; then
  target="wasm32-wasi -Wno-deprecated"
fi ;;
esac

output=target/trainer.wasm
case " $* " in
*" -o "*) ;;
*)
  set -- "$@" -o "$output"
  ;;
esac

# -g: an error has its line. The stack comes first in memory, so that one that is too deep ends the call and
# changes nothing. Wrong arithmetic, null and indices out of bounds end it too, where the compiler can see them.
# The same sources make the same module in any folder.
# shellcheck disable=SC2086 # CC may have arguments
compile() {
  $compiler --target=$target -O2 -g -Wall $checks -fsanitize=undefined -fsanitize-trap=undefined \
    -fdebug-compilation-dir=. "-ffile-prefix-map=$sdk=arkor" "-ffile-prefix-map=$PWD/=" "-I$sdk" "$@"
}

# Each check keeps its own line, where the compiler knows how.
checks=-fno-sanitize-merge
compile -E -x c /dev/null >/dev/null 2>&1 || checks=

# The library is C, whatever the trainer is, and has only the definitions in common with it.
definitions=
for argument in "$@"; do
  case $argument in -D*) definitions="$definitions $argument" ;; esac
done
mkdir -p target
# shellcheck disable=SC2086
compile $definitions -x c -c "$sdk/arkor.c" -o target/arkor.o
# shellcheck disable=SC2086
compile -mexec-model=reactor $stack -Wl,-z,stack-size=1048576 "$@" target/arkor.o

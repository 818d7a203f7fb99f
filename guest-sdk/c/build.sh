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
  mkdir -p target
  set -- "$@" -o "$output"
  ;;
esac

# Each check keeps its own line, where the compiler knows how.
# shellcheck disable=SC2086 # CC may have arguments
if $compiler -fno-sanitize-merge -E -x c /dev/null >/dev/null 2>&1; then
  set -- -fno-sanitize-merge "$@"
fi

# -g: an error has its line. The stack comes first in memory, so that one that is too deep ends the call and
# changes nothing. Wrong arithmetic, null and indices out of bounds end it too, where the compiler can see them.
# The same sources make the same module in any folder.
# shellcheck disable=SC2086
exec $compiler --target=$target -mexec-model=reactor -O2 -g \
  -fsanitize=undefined -fsanitize-trap=undefined \
  -fdebug-compilation-dir=. -ffile-prefix-map="$sdk=arkor" -ffile-prefix-map="$PWD/=" \
  $stack -Wl,-z,stack-size=1048576 -Wall -Wextra \
  -I"$sdk" "$@" "$sdk/arkor.c"

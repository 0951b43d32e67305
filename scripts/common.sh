# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scripts here share: headings, dying with a sentence, and becoming root for one command. Sourced, not run.

ADIT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ADIT_ROOT

heading() { if [[ -t 1 ]]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Runs a command as root: itself if we are, else through sudo. Fails with a sentence when neither goes.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    die "'$1' needs root, and there is no sudo here: run ${0##*/} as root"
  fi
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scripts here share: headings, dying with a sentence, becoming root for one command, and showing what one that
# takes long is at. Sourced, not run.

ADIT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ADIT_ROOT

heading() { if [[ -t 1 ]]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Shows what it reads, the steps of something that takes long, and for how long it has gone on: on a terminal in one line
# that is written over, else a line every ten seconds.
progress() {
  local part rest='' step=starting began=$SECONDS told=-10 status columns=80
  if [[ -t 1 ]]; then columns=$(tput cols 2>/dev/null) || columns=80; fi
  while true; do
    status=0
    IFS= read -r -t 1 part || status=$?
    rest+=$part
    if [[ $status -eq 0 ]]; then
      [[ -z $rest ]] || step=$rest
      rest=
    elif [[ $status -le 128 ]]; then # the end, and not the second that passed
      break
    fi
    if [[ -t 1 ]]; then
      printf '\r%.*s\033[K' $((columns - 1)) "$((SECONDS - began)) s  $step"
    elif [[ $((SECONDS - told)) -ge 10 ]]; then
      told=$SECONDS
      printf '%s\n' "$((SECONDS - began)) s  $step"
    fi
  done
  [[ ! -t 1 ]] || printf '\r\033[K'
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

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of `adit` for bash. Needs nothing of the package bash-completion but that it finds this file.

# Links that run, and those whose files may be looked at.
_adit_links() {
  local path
  for path in "${ADIT_RUN_DIR:-/run/adit}"/*.sock /etc/adit/*.yaml; do
    [[ -e $path ]] || continue
    path=${path##*/}
    printf '%s\n' "${path%.*}"
  done | sort -u
}

# Files that end in .$1, and the folders on the way to them.
_adit_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -X "!*.$1" -- "$cur"; compgen -d -- "$cur")
}

_adit_folders() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_adit_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_adit() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' options
  local commands='genkey pubkey genpsk pair check import export reload unblock unpair status events doctor exporter help'
  COMPREPLY=()
  [[ $COMP_CWORD -eq 1 ]] || command=${COMP_WORDS[1]}

  case $command in
    '') options='--version' ;;
    pair) options='--tunnel --routes --tap --bridge --output --install --package --dry-run' ;;
    unpair) options='--dry-run' ;;
    check) options='--name' ;;
    import) options='--output --peer --all' ;;
    export) options='--output --peer --qr --private-key-file --new-key --endpoint --routes --dns' ;;
    status) options='--json --watch' ;;
    events | doctor) options='--json' ;;
    exporter) options='--listen --textfile' ;;
    *) options='' ;;
  esac
  if [[ $cur == -* ]]; then
    _adit_words "--help $options"
    return
  fi

  case $command:$previous in
    pair:--output | pair:-o) _adit_folders ;;
    pair:--package) _adit_files deb ;;
    import:--output | import:-o) _adit_files yaml ;;
    import:--peer | check:--name) ;;
    export:--output | export:-o) _adit_files conf ;;
    export:--private-key-file) _adit_files key ;;
    export:--endpoint | export:--routes | export:--dns) ;;
    exporter:--textfile) _adit_files prom ;;
    pair:* | unpair:* | exporter:*) ;;
    :*) _adit_words "$commands" ;;
    check:* | export:*) _adit_files yaml ;;
    import:*) _adit_files conf ;;
    reload:* | doctor:*) [[ $COMP_CWORD -ne 2 ]] || _adit_words "$(_adit_links)" ;;
    status:* | events:*) _adit_words "$(_adit_links)" ;;
    help:*) [[ $COMP_CWORD -ne 2 ]] || _adit_words "$commands" ;;
  esac
}

complete -F _adit adit

# SPDX-License-Identifier: MIT
# Makes an interactive zsh tell what it is about to offer, each word behind "offered:"; ^X ends it.
PS1= PS2= RPS1=
unsetopt zle_bracketed_paste beep prompt_cr prompt_sp
fpath=($ADIT_COMPLETIONS $fpath)
autoload -U compinit && compinit -u -D

# Whatever is offered passes here; with -A, -D or -O nothing is, it is only sorted.
compadd() {
  if [[ ${${(@)argv[1,(i)--]}[(I)-[ADO]*]} -eq 0 ]]; then
    local -a offered
    builtin compadd -O offered "$@"
    print -rl -- "offered:"${^offered}
  fi
  builtin compadd "$@"
}

finish() {
  print -r -- "the end"
  exit
}
zle -N finish
bindkey '^X' finish
bindkey '^I' complete-word
print -r -- "the start"

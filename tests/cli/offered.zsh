# SPDX-License-Identifier: MIT
# offered.zsh FOLDER LINE: what zsh offers at the end of LINE, a word a line, with the completions in FOLDER. A zsh of its
# own is needed for that, at a terminal that nobody sees; within.zsh is what it begins with.
zmodload zsh/zpty
export ADIT_COMPLETIONS=$1
zpty inner zsh -f -i
zpty -w inner "source ${(q)0:A:h}/within.zsh"
# What is typed comes back from the terminal, too, so the words that are waited for are not typed.
zpty -r inner output '*the start*'
zpty -n -w inner $2$'\t\C-X'
while zpty -r inner line; do
  print -rn -- $line
  [[ $line == *'the end'* ]] && break
done > >(tr -d '\r' | sed -n 's/.*offered://p')

# SPDX-License-Identifier: MIT
# Completion of `adit` for fish.

# Links that run, and those whose files may be looked at.
function __adit_links
    set -l folder /run/adit
    set -q ADIT_RUN_DIR[1]; and test -n "$ADIT_RUN_DIR"; and set folder $ADIT_RUN_DIR
    for path in $folder/*.sock /etc/adit/*.yaml
        string replace --regex '.*/(.*)\.[^.]*$' '$1' -- $path
    end | sort -u
end

# The subcommand is this one.
function __adit_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

# ... and nothing has been said behind it yet.
function __adit_begins
    __adit_is $argv; and test (count (commandline -opc)) -eq 2
end

function __adit_is_alone
    test (count (commandline -opc)) -eq 1
end

complete -c adit -f
complete -c adit -s h -l help -d 'Say how it is used'
complete -c adit -n __adit_is_alone -l version -d 'Print the version'

for when in __adit_is_alone '__adit_begins help'
    complete -c adit -n $when -a genkey -d 'Print a new private key'
    complete -c adit -n $when -a pubkey -d 'Read a private key on standard input, print its public key'
    complete -c adit -n $when -a genpsk -d 'Print a new preshared key, for both ends of a link'
    complete -c adit -n $when -a pair -d 'Write the configuration files of both ends of a link'
    complete -c adit -n $when -a check -d 'Say all that is wrong with configuration files'
    complete -c adit -n $when -a import -d 'Make Adit\'s file of a wg-quick file'
    complete -c adit -n $when -a export -d 'Make a wg-quick file of Adit\'s, for either end of the link'
    complete -c adit -n $when -a reload -d 'Have a running link read its file again, and apply what changed'
    complete -c adit -n $when -a unblock -d 'Let traffic pass again that a link blocks which has ended'
    complete -c adit -n $when -a unpair -d 'Stop a link on its hosts, and remove its files there'
    complete -c adit -n $when -a status -d 'Say what links are doing, and why'
    complete -c adit -n $when -a events -d 'Tell what changes about links, as it happens'
    complete -c adit -n $when -a doctor -d 'Find out why a link does not work, and say what mends it'
    complete -c adit -n $when -a exporter -d 'Show all links of this host to Prometheus'
    complete -c adit -n $when -a help -d 'Say how a subcommand is used'
end

complete -c adit -n '__adit_is pair' -x -l tunnel -d 'A subnet for the tunnel itself'
complete -c adit -n '__adit_is pair' -x -l routes -d 'NAME=NET,…: subnets behind a host'
complete -c adit -n '__adit_is pair' -l tap -d 'An Ethernet cable instead of a link for IP'
complete -c adit -n '__adit_is pair' -x -l bridge -d 'NAME=BRIDGE: the bridge that an end is put into'
complete -c adit -n '__adit_is pair' -x -s o -l output -a '(__fish_complete_directories)' -d 'Where to write'
complete -c adit -n '__adit_is pair' -x -l install -d 'NAME=TARGET: put its file there and start it'
complete -c adit -n '__adit_is pair' -r -F -l package -d 'For a host that has no Adit yet'
complete -c adit -n '__adit_is pair' -l dry-run -d 'Only say what would be done'
complete -c adit -n '__adit_is unpair' -l dry-run -d 'Only say what would be done'
complete -c adit -n '__adit_is check' -x -l name -d 'The name that the file will have'
complete -c adit -n '__adit_is check' -a '(__fish_complete_suffix .yaml)'
complete -c adit -n '__adit_is import' -r -F -s o -l output -d 'What to write'
complete -c adit -n '__adit_is import' -x -l peer -d 'The number of the peer'
complete -c adit -n '__adit_is import' -l all -d 'A file for each peer'
complete -c adit -n '__adit_begins import' -a '(__fish_complete_suffix .conf)'
complete -c adit -n '__adit_is export' -r -F -s o -l output -d 'What to write'
complete -c adit -n '__adit_is export' -l peer -d 'The other end\'s file instead'
complete -c adit -n '__adit_is export' -l qr -d 'Draw it in the terminal, for a phone'
complete -c adit -n '__adit_is export' -r -F -l private-key-file -d 'The other end\'s private key'
complete -c adit -n '__adit_is export' -l new-key -d 'Make the other end a new private key'
complete -c adit -n '__adit_is export' -x -l endpoint -d 'HOST[:PORT]: where the other end reaches this host'
complete -c adit -n '__adit_is export' -x -l routes -d 'NET,…: subnets behind this host'
complete -c adit -n '__adit_is export' -x -l dns -d 'ADDRESS,…: name servers for the other end'
complete -c adit -n '__adit_is export' -a '(__fish_complete_suffix .yaml)'
complete -c adit -n '__adit_begins reload' -a '(__adit_links)' -d Link
complete -c adit -n '__adit_begins doctor' -a '(__adit_links)' -d Link
complete -c adit -n '__adit_is doctor' -l json -d 'A JSON object with a verdict for each check'
complete -c adit -n '__adit_is status' -l json -d 'A JSON array with an object for each link'
complete -c adit -n '__adit_is status' -l watch -d 'A live view of one link at a time'
complete -c adit -n '__adit_is status' -a '(__adit_links)' -d Link
complete -c adit -n '__adit_is events' -l json -d 'A JSON object a line'
complete -c adit -n '__adit_is events' -a '(__adit_links)' -d Link
complete -c adit -n '__adit_is exporter' -x -l listen -d 'Where to answer: PORT, ADDR:PORT or [ADDR6]:PORT'
complete -c adit -n '__adit_is exporter' -r -F -l textfile -d 'Write the metrics once, for node_exporter'

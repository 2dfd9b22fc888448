# fish completion of hostspin-sign(1)

set -l commands init keygen vkey root sign check bump diff text import
set -l codes no-check unsupported-check single-instance shared-address lifetime-short lifetime-long issued-ahead \
    expires-soon shrinks source-not-pinned unknown-key not-compared root-not-given root-lifetime no-spare-key \
    single-signer kms-4096

complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -f
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a init -d "make a working fleet directory"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a keygen -d "make a signing key"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a vkey -d "the verifier key of a public key kept elsewhere"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a root -d "the text of a first root, or of a successor"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a sign -d "append a signature, after every check"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a check -d "say what clients would say"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a bump -d "a manifest's next edition"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a diff -d "what changes, by meaning"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a text -d "what the signatures of a note cover"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -a import -d "make a manifest draft"
complete -c hostspin-sign -n "not __fish_seen_subcommand_from $commands" -l version -d "show the version"

complete -c hostspin-sign -l output -x -a "text json" -d "format of results"
complete -c hostspin-sign -s q -l quiet -d "only results, warnings and errors"
complete -c hostspin-sign -l no-color -d "no colour"
complete -c hostspin-sign -s h -l help -d "show help"

complete -c hostspin-sign -n "__fish_seen_subcommand_from keygen root sign bump text import" -s o -l out -r -d "where the result goes"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init keygen sign" -l passphrase-fd -x -d "read the passphrase from a descriptor"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init keygen" -l no-passphrase -d "leave private keys unencrypted"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init root import" -l fleet -x -d "the fleet's name"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init root" -l names -x -d "what may be pinned"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init root" -l networks -x -d "where pins may point"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init" -l root-keys -x -d "how many to make"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init" -l manifest-keys -x -d "how many to make"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init root" -l root-threshold -x -d "how many must sign"
complete -c hostspin-sign -n "__fish_seen_subcommand_from init root" -l manifest-threshold -x -d "how many must sign"
complete -c hostspin-sign -n "__fish_seen_subcommand_from root bump import" -l expires -x -a "7d 14d 30d 365d" -d "when"

complete -c hostspin-sign -n "__fish_seen_subcommand_from root; and not __fish_seen_subcommand_from new next" -f -a "new next"
complete -c hostspin-sign -n "__fish_seen_subcommand_from new" -l root-key -r -d "verifier key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from new" -l manifest-key -r -d "verifier key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l add-root-key -r -d "verifier key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l remove-root-key -x -d "name of a key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l add-manifest-key -r -d "verifier key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l remove-manifest-key -x -d "name of a key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l add-name -x -d "pattern"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l remove-name -x -d "pattern"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l add-network -x -d "prefix"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l remove-network -x -d "prefix"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l min-version -x -d "no older manifest is taken"
complete -c hostspin-sign -n "__fish_seen_subcommand_from next" -l next-epoch -d "manifests of the old epoch no longer count"

complete -c hostspin-sign -n "__fish_seen_subcommand_from sign" -s k -l key -r -d "private key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from sign" -l name -x -d "the key's name"
complete -c hostspin-sign -n "__fish_seen_subcommand_from sign" -l signer-cmd -x -d "a program that signs"
complete -c hostspin-sign -n "__fish_seen_subcommand_from sign" -l import-signature -r -d "made elsewhere"
complete -c hostspin-sign -n "__fish_seen_subcommand_from sign" -l vkey -r -d "the signer's verifier key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from sign check" -l root -r -d "the root that clients trust"
complete -c hostspin-sign -n "__fish_seen_subcommand_from sign check bump" -l previous -r -d "what is published now"

complete -c hostspin-sign -n "__fish_seen_subcommand_from check" -l at -x -d "judge at that time"
complete -c hostspin-sign -n "__fish_seen_subcommand_from check" -l signed -d "refuse a draft"
complete -c hostspin-sign -n "__fish_seen_subcommand_from check" -l source -x -d "where machines fetch from"
complete -c hostspin-sign -n "__fish_seen_subcommand_from check" -l ignore -x -a "$codes" -d "leave a finding out"
complete -c hostspin-sign -n "__fish_seen_subcommand_from check" -l key -r -d "verifier key"
complete -c hostspin-sign -n "__fish_seen_subcommand_from check" -l threshold -x -d "how many must have signed"
complete -c hostspin-sign -n "__fish_seen_subcommand_from import" -a "terraform consul k8s dig hosts"
complete -c hostspin-sign -n "__fish_seen_subcommand_from import" -l domain -x -d "put after names"
complete -c hostspin-sign -n "__fish_seen_subcommand_from import" -l terraform-output -x -d "which output"

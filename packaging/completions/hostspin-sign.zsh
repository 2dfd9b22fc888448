#compdef hostspin-sign

_hostspin-sign() {
  local context state line
  local -a common out passphrase codes
  codes=(no-check unsupported-check broken-logins single-instance shared-address lifetime-short lifetime-long issued-ahead
    expires-soon shrinks version-jump source-not-pinned unknown-key not-compared root-not-given root-lifetime no-spare-key
    single-signer kms-4096 drops-published epoch-jump key-taken-out public-suffix)
  common=(
    '--output[format of results]:format:(text json)'
    '(-q --quiet)'{-q,--quiet}'[only results, warnings and errors]'
    '--no-color[no colour]'
    '(-h --help)'{-h,--help}'[show help]'
  )
  out=('(-o --out)'{-o,--out}'[where the result goes]:file:_files')
  passphrase=(
    '(--no-passphrase)--passphrase-fd[read the passphrase from a descriptor]:descriptor:'
    '(--passphrase-fd)--no-passphrase[leave private keys unencrypted]'
  )
  _arguments -C $common '--version[show the version]' '1: :->command' '*:: :->arguments'
  case $state in
    command)
      local -a commands
      commands=(
        'init:make a working fleet directory'
        'keygen:make a signing key'
        'vkey:the verifier key of a public key kept elsewhere'
        'root:the text of a first root, or of a successor'
        'sign:append a signature, after every check that a client makes'
        'check:say what clients would say, and what deserves a second look'
        "bump:a manifest's next edition"
        'diff:what changes, by meaning'
        'text:what the signatures of a note cover'
        'import:make a manifest draft from what knows the addresses'
      )
      _describe command commands
      ;;
    arguments)
      case $words[1] in
        init)
          _arguments $common $passphrase '1:directory:_directories' '--fleet[name]:fleet:' \
            '*--names[what may be pinned]:pattern:' '*--networks[where pins may point]:prefix:' \
            '--root-keys[how many]:number:' '--root-threshold[how many must sign]:number:' \
            '--manifest-keys[how many]:number:' '--manifest-threshold[how many must sign]:number:'
          ;;
        keygen) _arguments $common $passphrase $out '1:name:' ;;
        vkey) _arguments $common '1:name:' '2:public key:_files' ;;
        root)
          _arguments -C $common '1: :(new next)' '2:root:_files' $out '--expires[when]:duration or time:' \
            '--fleet[name]:fleet:' '*--root-key[verifier key]:key:_files' \
            '*--manifest-key[verifier key]:key:_files' '--root-threshold[how many must sign]:number:' \
            '--manifest-threshold[how many must sign]:number:' '*--names[what may be pinned]:pattern:' \
            '*--networks[where pins may point]:prefix:' '*--add-root-key[verifier key]:key:_files' \
            '*--remove-root-key[name]:name:' '*--add-manifest-key[verifier key]:key:_files' \
            '*--remove-manifest-key[name]:name:' '*--add-name[pattern]:pattern:' \
            '*--remove-name[pattern]:pattern:' '*--add-network[prefix]:prefix:' \
            '*--remove-network[prefix]:prefix:' '--min-version[no older manifest]:version:' \
            '--next-epoch[manifests of the old epoch no longer count]' \
            '--same-epoch[keep it although a manifest key is taken out]' \
            '--published[the manifest that is published now]:note:_files'
          ;;
        sign)
          _arguments $common $out '1:file:_files' '*'{-k,--key}'[private key]:key:_files' \
            "--name[the key's name]:name:" '--passphrase-fd[read the passphrase from a descriptor]:descriptor:' \
            '*--signer-cmd[a program that signs]:command:' '--import-signature[made elsewhere]:file:_files' \
            "--vkey[the signer's verifier key]:key:_files" '--root[the root that clients trust]:root:_files' \
            '--previous[what is published now]:note:_files' '--yes[sign without asking]' \
            '--published[of a root: the manifest that is published now]:note:_files' \
            '--sha256[sign without asking if the text has this digest]:digest:' \
            "*--ignore[sign in spite of a finding]:code:($codes)"
          ;;
        check)
          _arguments $common '1:file:_files' '--root[the root that clients trust]:root:_files' \
            '--previous[what is published now]:note:_files' '--at[judge at that time]:time:' \
            '--published[of a root: the manifest that is published now]:note:_files' \
            '--signed[refuse a draft]' '*--source[where machines fetch from]:url:' "*--ignore[leave a finding out]:code:($codes)" \
            '*--key[verifier key]:key:_files' '--threshold[how many must have signed]:number:'
          ;;
        bump)
          _arguments $common $out '1:file:_files' '--expires[when]:duration or time:' \
            '--previous[what is published now]:note:_files' '--root[the root whose epoch to take]:root:_files'
          ;;
        diff) _arguments $common '1:old:_files' '2:new:_files' ;;
        text) _arguments $common $out '1:file:_files' ;;
        import)
          _arguments $common $out '1:kind:(terraform consul k8s dig hosts)' '2:file:_files' \
            '--fleet[name]:fleet:' '--domain[put after names]:domain:' '--terraform-output[which output]:name:' \
            '--expires[when]:duration or time:'
          ;;
      esac
      ;;
  esac
}

_hostspin-sign "$@"

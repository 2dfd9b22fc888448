# bash completion of hostspin-sign(1)

_hostspin_sign() {
  local cur prev word command= options commands
  COMPREPLY=()
  cur=${COMP_WORDS[COMP_CWORD]}
  prev=${COMP_WORDS[COMP_CWORD - 1]}
  commands="init keygen vkey root sign check bump diff text import"

  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in
      "root new" | "root next") command+=" $word"; break ;;
      *) [[ -z $command && " $commands " == *" $word "* ]] && command=$word ;;
    esac
  done

  case $prev in
    --output) COMPREPLY=($(compgen -W "text json" -- "$cur")); return ;;
    --ignore)
      COMPREPLY=($(compgen -W "no-check unsupported-check broken-logins single-instance shared-address lifetime-short
        lifetime-long issued-ahead expires-soon shrinks version-jump source-not-pinned unknown-key not-compared
        root-not-given root-lifetime no-spare-key single-signer kms-4096 drops-published epoch-jump key-taken-out public-suffix" -- "$cur"))
      return
      ;;
    --expires) COMPREPLY=($(compgen -W "7d 14d 30d 90d 365d" -- "$cur")); return ;;
    --fleet | --name | --names | --networks | --domain | --at | --source | --passphrase-fd | --signer-cmd | \
      --threshold | --*-threshold | --root-keys | --manifest-keys | --min-version | --sha256 | --*-name | --*-network | \
      --remove-*-key)
      return
      ;;
  esac

  if [[ $cur == -* ]]; then
    options="--output --quiet --no-color --help"
    case $command in
      "") options+=" --version" ;;
      init) options+=" --fleet --names --networks --root-keys --root-threshold --manifest-keys
        --manifest-threshold --passphrase-fd --no-passphrase" ;;
      keygen) options+=" --out --passphrase-fd --no-passphrase" ;;
      "root new") options+=" --fleet --root-key --root-threshold --manifest-key --manifest-threshold --names
        --networks --expires --out" ;;
      "root next") options+=" --add-root-key --remove-root-key --root-threshold --add-manifest-key
        --remove-manifest-key --manifest-threshold --add-name --remove-name --add-network --remove-network
        --min-version --next-epoch --same-epoch --published --expires --out" ;;
      sign) options+=" --key --name --passphrase-fd --signer-cmd --import-signature --vkey --root --previous --published
        --out --sha256 --yes --ignore" ;;
      check) options+=" --root --previous --published --at --signed --source --ignore --key --threshold" ;;
      bump) options+=" --expires --previous --root --out" ;;
      text) options+=" --out" ;;
      import) options+=" --fleet --domain --terraform-output --expires --out" ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  case $command in
    "") COMPREPLY=($(compgen -W "$commands" -- "$cur")) ;;
    root) COMPREPLY=($(compgen -W "new next" -- "$cur")) ;;
    import)
      if [[ $prev == import ]]; then
        COMPREPLY=($(compgen -W "terraform consul k8s dig hosts" -- "$cur"))
        return
      fi
      ;;&
    *) compopt -o default ;; # names of files stay with readline, which quotes them
  esac
}
complete -F _hostspin_sign hostspin-sign

# bash completion of hostspin(8)

# The names that are pinned now, out of the block: no network, no privilege. Only what is a name gets here, and it is
# never given to compgen -W, which evaluates its words as the shell evaluates its own text.
_hostspin_names() {
  local name
  while IFS= read -r name; do
    [[ $name != "$1"* ]] || COMPREPLY+=("$name")
  done < <(LC_ALL=C sed -n '/^# BEGIN hostspin/,/^# END hostspin/s/^[0-9a-f.:]*\t\([a-z0-9][a-z0-9.-]*\)$/\1/p' \
    /etc/hosts 2>/dev/null)
}

_hostspin() {
  local cur prev word command= commands
  COMPREPLY=()
  cur=${COMP_WORDS[COMP_CWORD]}
  prev=${COMP_WORDS[COMP_CWORD - 1]}
  commands="apply refresh agent verify status diff inspect trust hold release remove repair doctor runbook sign"

  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $commands " in
      *" $word "*) command=$word; break ;;
    esac
  done
  if [[ $command == sign ]] && declare -F _hostspin_sign >/dev/null; then
    _hostspin_sign
    return
  fi

  case $prev in
    --output)
      local formats="text json"
      [[ $command != verify ]] || formats+=" nagios prometheus junit"
      COMPREPLY=($(compgen -W "$formats" -- "$cur"))
      return
      ;;
    --explain) _hostspin_names "$cur"; return ;;
    # Names of files stay with readline, which quotes them.
    --config | --hosts-file | --from) compopt -o default; return ;;
    --root | --state-dir) compopt -o dirnames; return ;;
    --format) COMPREPLY=($(compgen -W "text markdown html" -- "$cur")); return ;;
    --log-format) COMPREPLY=($(compgen -W "auto journal text json" -- "$cur")); return ;;
    --reason | --deadline) return ;;
  esac

  if [[ $cur == -* ]]; then
    local options="--config --root --hosts-file --state-dir --output --quiet --verbose --no-color --help"
    case $command in
      "") options+=" --version" ;;
      apply) options+=" --unattended" ;;
      agent) options+=" --log-format" ;;
      refresh) options+=" --now --dry-run --from" ;;
      verify) options+=" --all --explain --watch --offline --no-resolver --deadline" ;;
      trust) options+=" --yes" ;;
      hold) options+=" --reason" ;;
      remove) options+=" --no-hold" ;;
      repair) options+=" --dry-run" ;;
      doctor) options+=" --all" ;;
      runbook) options+=" --format" ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  case $command in
    "") COMPREPLY=($(compgen -W "$commands" -- "$cur")) ;;
    inspect | diff) compopt -o default ;;
    trust) COMPREPLY=($(compgen -W "reset" -- "$cur")) ;;
    verify) _hostspin_names "$cur" ;;
  esac
}
complete -F _hostspin hostspin

#compdef hostspin

# The names that are pinned now, out of the block. Only what is a name gets here, and it is never part of what
# _arguments is given, which evaluates "(words)".
_hostspin_names() {
  local -a names
  names=(${(f)"$(LC_ALL=C sed -n '/^# BEGIN hostspin/,/^# END hostspin/s/^[0-9a-f.:]*\t\([a-z0-9][a-z0-9.-]*\)$/\1/p' \
    /etc/hosts 2>/dev/null)"})
  compadd "$@" -a names
}

_hostspin() {
  local context state line
  local -a common
  common=(
    '--config[configuration file]:file:_files'
    '--root[work on everything below a directory]:directory:_directories'
    '--hosts-file[the hosts file]:file:_files'
    '--state-dir[the state directory]:directory:_directories'
    '--output[format]:format:(text json)'
    '(-q --quiet)'{-q,--quiet}'[no warnings on standard error]'
    '(-v --verbose)'{-v,--verbose}'[say more on standard error]'
    '--no-color[no colour]'
    '--help[show help]'
  )
  _arguments -C $common '--version[show the version; with --verbose what it is made of]' '1: :->command' '*:: :->arguments'
  case $state in
    command)
      local -a commands
      commands=(
        'apply:put the newest verified manifest on this machine into the hosts file'
        'refresh:one update cycle, then apply and probe'
        'agent:the resident daemon'
        'verify:is every name pinned, and does every address answer?'
        'status:what is pinned, from where, and how the last refresh went'
        'diff:what apply would change'
        'inspect:who signed a note'
        'trust:the root chain held on this machine'
        'hold:leave the hosts file alone until release'
        'release:end a hold'
        'remove:take the block out, and hold'
        'repair:put damaged markers right'
        'doctor:what on this machine could defeat the pins'
        'runbook:the manifest as a page for people'
        'sign:the desk tool'
      )
      _describe command commands
      ;;
    arguments)
      case $words[1] in
        apply) _arguments $common '--unattended[back off where another program reverts the block]' ;;
        agent) _arguments $common '--log-format[of the log]:format:(auto journal text json)' ;;
        refresh) _arguments $common '--now[do not wait for the staged rollout]' '--dry-run[fetch and judge, and store nothing]' '--from[a note or a directory]:path:_files' ;;
        verify)
          common=(${common:#--output*} '--output[format]:format:(text json nagios prometheus junit)')
          _arguments $common '--all[list what is fine as well]' '--offline[the pins only]' \
            '--explain[who refuses]:name:_hostspin_names' '--watch[again every 2 s]' \
            '--no-resolver[do not ask the resolver]' '--deadline[limit]:time:' '*:name:_hostspin_names'
          ;;
        inspect) _arguments $common '1:note:_files' ;;
        diff) _arguments $common '::note:_files' ;;
        trust) _arguments $common '1: :(reset)' '--yes[do it]' ;;
        hold) _arguments $common '--reason[shown by status and verify]:text:' ;;
        remove) _arguments $common '--no-hold[do not hold]' ;;
        repair) _arguments $common '--dry-run[only show what would be done]' ;;
        doctor) _arguments $common '--all[list what is fine as well]' ;;
        runbook) _arguments $common '--format[of the page]:format:(text markdown html)' ;;
        sign) (( $+functions[_hostspin-sign] )) && _hostspin-sign || _default ;;
        *) _arguments $common ;;
      esac
      ;;
  esac
}

_hostspin "$@"

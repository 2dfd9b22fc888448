# fish completion of hostspin(8)

# The names that are pinned now, out of the block, and nothing that is not a name.
function __hostspin_names
    env LC_ALL=C sed -n '/^# BEGIN hostspin/,/^# END hostspin/s/^[0-9a-f.:]*\t\([a-z0-9][a-z0-9.-]*\)$/\1/p' /etc/hosts 2>/dev/null
end

set -l commands apply refresh agent verify status diff inspect trust hold release remove repair doctor runbook sign

complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -f
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a apply -d "pin the newest manifest on this machine"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a refresh -d "one update cycle, then apply and probe"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a agent -d "the resident daemon"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a verify -d "is every name pinned, does every address answer?"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a status -d "what is pinned, and from where"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a diff -d "what apply would change"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a inspect -d "who signed a note"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a trust -d "the root chain held here"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a hold -d "leave the hosts file alone"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a release -d "end a hold"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a remove -d "take the block out, and hold"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a repair -d "put damaged markers right"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a doctor -d "what on this machine could defeat the pins"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a runbook -d "the manifest as a page for people"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -a sign -d "the desk tool"
complete -c hostspin -n "not __fish_seen_subcommand_from $commands" -l version -d "show the version; with --verbose what it is made of"

complete -c hostspin -l config -r -d "configuration file"
complete -c hostspin -l root -x -a "(__fish_complete_directories)" -d "work below a directory"
complete -c hostspin -l hosts-file -r -d "the hosts file"
complete -c hostspin -l state-dir -x -a "(__fish_complete_directories)" -d "the state directory"
complete -c hostspin -l output -x -a "text json" -d "format"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l output -x -a "nagios prometheus junit" -d "format"
complete -c hostspin -s q -l quiet -d "no warnings on standard error"
complete -c hostspin -s v -l verbose -d "say more on standard error"
complete -c hostspin -l no-color -d "no colour"
complete -c hostspin -l help -d "show help"

complete -c hostspin -n "__fish_seen_subcommand_from apply" -l unattended -d "back off where another program reverts the block"
complete -c hostspin -n "__fish_seen_subcommand_from agent" -l log-format -x -a "auto journal text json" -d "of the log"
complete -c hostspin -n "__fish_seen_subcommand_from refresh" -l now -d "do not wait for the staged rollout"
complete -c hostspin -n "__fish_seen_subcommand_from refresh" -l dry-run -d "fetch and judge, and store nothing"
complete -c hostspin -n "__fish_seen_subcommand_from refresh" -l from -r -d "a note or a directory"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -f -a "(__hostspin_names)"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l all -d "list what is fine as well"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l explain -x -a "(__hostspin_names)" -d "who refuses"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l watch -d "again every 2 s"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l offline -d "the pins only"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l no-resolver -d "do not ask the resolver"
complete -c hostspin -n "__fish_seen_subcommand_from verify" -l deadline -x -d "limit, such as 2s"
complete -c hostspin -n "__fish_seen_subcommand_from trust" -f -a reset -d "forget all but the baked root and seed"
complete -c hostspin -n "__fish_seen_subcommand_from trust" -l yes -d "do it"
complete -c hostspin -n "__fish_seen_subcommand_from hold" -l reason -x -d "shown by status and verify"
complete -c hostspin -n "__fish_seen_subcommand_from remove" -l no-hold -d "do not hold"
complete -c hostspin -n "__fish_seen_subcommand_from doctor" -l all -d "list what is fine as well"
complete -c hostspin -n "__fish_seen_subcommand_from runbook" -l format -x -a "text markdown html" -d "of the page"
complete -c hostspin -n "__fish_seen_subcommand_from repair" -l dry-run -d "only show what would be done"

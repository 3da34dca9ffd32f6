# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mrpd_global_optspecs
    string join \n config= socket= log= background h/help V/version
end

function __fish_mrpd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mrpd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mrpd_using_subcommand
    set -l cmd (__fish_mrpd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mrpd -n "__fish_mrpd_needs_command" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_needs_command" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_needs_command" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_needs_command" -l background -d 'Leave the terminal\'s session, as a program that starts the daemon in the background wants it'
complete -c mrpd -n "__fish_mrpd_needs_command" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_needs_command" -s V -l version -d 'Print version'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "run" -d 'Run the daemon (what happens without a command, too)'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "check" -d 'Say what is wrong with the configuration; ends with 78 if something is'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "config" -d 'Print the configuration in force'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "run-hook" -d 'Turn into a hook\'s program, by the plan on standard input'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "openapi" -d 'Print the OpenAPI document of the local interface'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "man" -d 'Write the manual pages'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "restore" -d 'Put a backup in the store\'s place, while no daemon runs'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "check-store" -d 'Look whether a store is damaged'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "salvage-store" -d 'Copy what can be read of a table of a damaged store'
complete -c mrpd -n "__fish_mrpd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mrpd -n "__fish_mrpd_using_subcommand run" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand run" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand run" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand run" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand check" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand check" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand check" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand check" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -l json -d 'As one JSON object'
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -l origin -d 'Say where each value comes from'
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -l schema -d 'Print what can be configured instead, as a JSON Schema'
complete -c mrpd -n "__fish_mrpd_using_subcommand config" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand run-hook" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand run-hook" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand run-hook" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand run-hook" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand openapi" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand openapi" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand openapi" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand openapi" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand completions" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand completions" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand completions" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand man" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand man" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand man" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand man" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand restore" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand restore" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand restore" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand restore" -l force -d 'Replace a store that is there; it is kept under another name'
complete -c mrpd -n "__fish_mrpd_using_subcommand restore" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand check-store" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand check-store" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand check-store" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand check-store" -l everything
complete -c mrpd -n "__fish_mrpd_using_subcommand check-store" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand salvage-store" -l config -d 'Configuration file, instead of the user\'s and the system\'s [env: MRPD_CONFIG]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand salvage-store" -l socket -d 'Socket to listen on [env: MRPD_SOCKET]' -r -F
complete -c mrpd -n "__fish_mrpd_using_subcommand salvage-store" -l log -d 'What is logged, such as info or mrpd=debug [env: MRPD_LOG]' -r
complete -c mrpd -n "__fish_mrpd_using_subcommand salvage-store" -l backward
complete -c mrpd -n "__fish_mrpd_using_subcommand salvage-store" -s h -l help -d 'Print help'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "run" -d 'Run the daemon (what happens without a command, too)'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "check" -d 'Say what is wrong with the configuration; ends with 78 if something is'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "config" -d 'Print the configuration in force'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "run-hook" -d 'Turn into a hook\'s program, by the plan on standard input'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "openapi" -d 'Print the OpenAPI document of the local interface'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "man" -d 'Write the manual pages'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "restore" -d 'Put a backup in the store\'s place, while no daemon runs'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "check-store" -d 'Look whether a store is damaged'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "salvage-store" -d 'Copy what can be read of a table of a damaged store'
complete -c mrpd -n "__fish_mrpd_using_subcommand help; and not __fish_seen_subcommand_from run check config run-hook openapi completions man restore check-store salvage-store help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

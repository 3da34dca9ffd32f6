# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_relayd_global_optspecs
    string join \n config= listen= data-dir= set= h/help V/version
end

function __fish_relayd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_relayd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_relayd_using_subcommand
    set -l cmd (__fish_relayd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c relayd -n "__fish_relayd_needs_command" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_needs_command" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_needs_command" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_needs_command" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_needs_command" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_needs_command" -s V -l version -d 'Print version'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "serve" -d 'Serve until SIGTERM or SIGINT (the default command)'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "init" -d 'Write a commented configuration, and say what comes next'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "check" -d 'Check configuration, addresses, storage, clock and free disk; exit 78 on a mistake'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "healthcheck" -d 'Ask a relay whether it serves; exit 0 or 1'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "admin" -d 'Ask the relay that runs here'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "backup" -d 'Copy everything that the relay keeps into a new directory, while it runs or not'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "restore" -d 'Bring a backup back, into an empty data directory'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "openapi" -d 'Write the OpenAPI document, which a relay with this configuration serves, to standard output'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "completions" -d 'Write a completion script to standard output'
complete -c relayd -n "__fish_relayd_needs_command" -f -a "man" -d 'Write the manual pages into a directory, or the main one to standard output'
complete -c relayd -n "__fish_relayd_using_subcommand serve" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand serve" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_using_subcommand serve" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand serve" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_using_subcommand serve" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand init" -l domain -d 'Domain name by which the world will know the relay, such as relay.example.net' -r
complete -c relayd -n "__fish_relayd_using_subcommand init" -l acme -d 'Get certificates by ACME, with this address for the authority; needs --domain and port 443' -r
complete -c relayd -n "__fish_relayd_using_subcommand init" -l config -d 'File to write; by itself /etc/relayd/relayd.toml for root, the user\'s own otherwise' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand init" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand check" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand check" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_using_subcommand check" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand check" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_using_subcommand check" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand healthcheck" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand healthcheck" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_using_subcommand healthcheck" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand healthcheck" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "agents" -d 'List the agents'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "agent" -d 'Show an agent and what the relay holds of it'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "suspend" -d 'Refuse everything from an agent and to it, and close its connections'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "resume" -d 'Serve a suspended agent again'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "stats" -d 'Show what the relay holds and does'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "gc" -d 'Free now what time has passed by, and say what that was'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and not __fish_seen_subcommand_from agents agent suspend resume stats gc drain" -f -a "drain" -d 'End the relay in order, as SIGTERM does'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agents" -l status -d 'Only those of this status' -r -f -a "active\t''
suspended\t''"
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agents" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agents" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agents" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agents" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agent" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agent" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agent" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from agent" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from suspend" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from suspend" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from suspend" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from suspend" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from resume" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from resume" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from resume" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from stats" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from stats" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from stats" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from gc" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from gc" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from gc" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from gc" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from drain" -l config -d 'Configuration file, for its data_dir' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from drain" -l data-dir -d 'Directory in which the relay keeps everything, its admin socket too' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from drain" -l json -d 'Write JSON, one object a line, at a terminal too'
complete -c relayd -n "__fish_relayd_using_subcommand admin; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand backup" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand backup" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_using_subcommand backup" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand backup" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_using_subcommand backup" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand restore" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand restore" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_using_subcommand restore" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand restore" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_using_subcommand restore" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand openapi" -l config -d 'Configuration file' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand openapi" -l listen -d 'Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated' -r
complete -c relayd -n "__fish_relayd_using_subcommand openapi" -l data-dir -d 'Directory in which everything is kept' -r -F
complete -c relayd -n "__fish_relayd_using_subcommand openapi" -l set -d 'Set any field of the configuration file, such as limits.send_per_minute=60' -r
complete -c relayd -n "__fish_relayd_using_subcommand openapi" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c relayd -n "__fish_relayd_using_subcommand man" -s h -l help -d 'Print help'

module completions {

  def "nu-complete mrpctl output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl progress" [] {
    [ "auto" "never" "json" ]
  }

  # Send and receive messages of the Machine Relay Protocol: a shell filter over mrpd
  export extern mrpctl [
    --version(-V)             # Show the versions of mrpctl and of the daemon, if one is running
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl init output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl init color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl init progress" [] {
    [ "auto" "never" "json" ]
  }

  # Make a key and a configuration, and start the daemon
  export extern "mrpctl init" [
    --name: string            # Name of the local identity (default: this machine's name)
    --relay: string           # The relay to use
    --key: path               # The key file: 32 bytes, made if it is missing (default: ~/.mrp/keys/NAME.key)
    --service                 # Have systemd run the daemon, as mrpctl service install does
    --no-service              # Start the daemon from here even where its units are enabled
    --linger                  # Have the daemon run without a login too
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl init output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl init color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl init progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl status output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl status color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl status progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show the daemon, its relays and what is in the inbox and the outbox
  export extern "mrpctl status" [
    --watch                   # Show it again every two seconds, until Ctrl-C
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl status output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl status color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl status progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl doctor output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl doctor color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl doctor progress" [] {
    [ "auto" "never" "json" ]
  }

  # Find out what is wrong on this machine, and what mends it
  export extern "mrpctl doctor" [
    --fix                     # Mend what is safe to mend: modes of keys and folders, sockets that nobody listens on
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl doctor output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl doctor color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl doctor progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl demo output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl demo color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl demo progress" [] {
    [ "auto" "never" "json" ]
  }

  # Try it: a private relay and two users in a temporary folder
  export extern "mrpctl demo" [
    --once                    # End after the message has arrived
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl demo output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl demo color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl demo progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl send wait" [] {
    [ "queued" "accepted" "delivered" "reply" ]
  }

  def "nu-complete mrpctl send output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl send color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl send progress" [] {
    [ "auto" "never" "json" ]
  }

  # Send a message
  export extern "mrpctl send" [
    --to: string              # A recipient; repeatable. Then every word is text
    --text: string            # The message, also where it begins with a hyphen
    --data(-d): string        # The body as JSON, sent byte for byte; @FILE or - to read it
    --file(-f): string        # A file that travels along, - for standard input; repeatable, at most 10
    --attach-file: string     # A file that travels along, - for standard input; repeatable, at most 10
    --filename: string        # The name that the recipient sees of the file; needed for standard input
    --attach: string          # A file or blob that was uploaded before (file_..., blob_...); repeatable
    --type: string            # Media type of the body (default: application/json)
    --allow-empty             # Send a message without content where standard input is empty
    --lines                   # One message a line of standard input
    --jsonl                   # One message a line of standard input, each a JSON object
    --thread(-t): string      # Thread it belongs to
    --reply-to(-r): string    # Message it answers
    --encrypt(-e)             # Seal end to end, whatever the configuration says (sealing is the default)
    --plain                   # Send in clear: the relay can read it
    --meta(-m): string        # A text pair that travels along; repeatable
    --expires: string         # How long a relay keeps it, 1s to 30d
    --relay: string           # Relay to send by
    --id: string              # Idempotency key: the same KEY is sent once in 24 hours
    --at: string              # Hold it until then: 2026-11-21T09:00:00Z, "2026-11-21 09:00" or 09:00 by the clock here
    --in: string              # Hold it for so long
    --wait: string@"nu-complete mrpctl send wait" # How far to wait (default: accepted, for 10s)
    --async                   # The same as --wait queued
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl send output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl send color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl send progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    recipient?: string        # Contact name, key, mrp: card, key prefix of a contact, me, or @group
    ...words: string          # The message; words are joined by spaces
  ]

  def "nu-complete mrpctl reply wait" [] {
    [ "queued" "accepted" "delivered" "reply" ]
  }

  def "nu-complete mrpctl reply output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl reply color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl reply progress" [] {
    [ "auto" "never" "json" ]
  }

  # Answer a message
  export extern "mrpctl reply" [
    --text: string            # The message, also where it begins with a hyphen
    --data(-d): string        # The body as JSON, sent byte for byte; @FILE or - to read it
    --file(-f): string        # A file that travels along, - for standard input; repeatable, at most 10
    --attach-file: string     # A file that travels along, - for standard input; repeatable, at most 10
    --filename: string        # The name that the recipient sees of the file; needed for standard input
    --attach: string          # A file or blob that was uploaded before (file_..., blob_...); repeatable
    --type: string            # Media type of the body (default: application/json)
    --allow-empty             # Send a message without content where standard input is empty
    --encrypt(-e)             # Seal end to end, whatever the configuration says (sealing is the default)
    --plain                   # Send in clear: the relay can read it
    --meta(-m): string        # A text pair that travels along; repeatable
    --expires: string         # How long a relay keeps it, 1s to 30d
    --relay: string           # Relay to send by
    --id: string              # Idempotency key: the same KEY is sent once in 24 hours
    --at: string              # Hold it until then: 2026-11-21T09:00:00Z, "2026-11-21 09:00" or 09:00 by the clock here
    --in: string              # Hold it for so long
    --wait: string@"nu-complete mrpctl reply wait" # How far to wait (default: accepted, for 10s)
    --async                   # The same as --wait queued
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl reply output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl reply color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl reply progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    message: string           # The message that is answered: msg_..., or its seq
    ...words: string          # The message; words are joined by spaces
  ]

  def "nu-complete mrpctl request output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl request color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl request progress" [] {
    [ "auto" "never" "json" ]
  }

  # Ask for something to be done, and print what came of it
  export extern "mrpctl request" [
    --data(-d): string        # All parameters as a JSON object; @FILE or - to read it
    --gather                  # Collect the answers of several
    --thread(-t): string      # Thread it belongs to
    --reply-to(-r): string    # Message it answers
    --encrypt(-e)             # Seal end to end, whatever the configuration says (sealing is the default)
    --plain                   # Send in clear: the relay can read it
    --meta(-m): string        # A text pair that travels along; repeatable
    --expires: string         # How long a relay keeps it, 1s to 30d
    --relay: string           # Relay to send by
    --id: string              # Idempotency key: the same KEY is sent once in 24 hours
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl request output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl request color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl request progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    recipient: string         # Contact name, key, mrp: card, or @group with --gather
    action: string            # What is to be done
    ...params: string         # Parameters: K=V, or K:=JSON
  ]

  def "nu-complete mrpctl event wait" [] {
    [ "queued" "accepted" "delivered" "reply" ]
  }

  def "nu-complete mrpctl event output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl event color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl event progress" [] {
    [ "auto" "never" "json" ]
  }

  # Tell that something happened
  export extern "mrpctl event" [
    --data(-d): string        # All details as JSON; @FILE or - to read it
    --thread(-t): string      # Thread it belongs to
    --reply-to(-r): string    # Message it answers
    --encrypt(-e)             # Seal end to end, whatever the configuration says (sealing is the default)
    --plain                   # Send in clear: the relay can read it
    --meta(-m): string        # A text pair that travels along; repeatable
    --expires: string         # How long a relay keeps it, 1s to 30d
    --relay: string           # Relay to send by
    --id: string              # Idempotency key: the same KEY is sent once in 24 hours
    --at: string              # Hold it until then: 2026-11-21T09:00:00Z, "2026-11-21 09:00" or 09:00 by the clock here
    --in: string              # Hold it for so long
    --wait: string@"nu-complete mrpctl event wait" # How far to wait (default: accepted, for 10s)
    --async                   # The same as --wait queued
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl event output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl event color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl event progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    recipient: string         # Contact name, key, mrp: card, or @group
    name: string              # What happened
    ...details: string        # Details: K=V, or K:=JSON
  ]

  def "nu-complete mrpctl progress wait" [] {
    [ "queued" "accepted" "delivered" "reply" ]
  }

  def "nu-complete mrpctl progress output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl progress color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl progress progress" [] {
    [ "auto" "never" "json" ]
  }

  # Tell how far something is
  export extern "mrpctl progress" [
    --percent: string         # How far, 0 to 100
    --stage: string           # Which part
    --detail: string          # More, for people
    --thread(-t): string      # Thread it belongs to
    --reply-to(-r): string    # Message it answers
    --encrypt(-e)             # Seal end to end, whatever the configuration says (sealing is the default)
    --plain                   # Send in clear: the relay can read it
    --meta(-m): string        # A text pair that travels along; repeatable
    --expires: string         # How long a relay keeps it, 1s to 30d
    --relay: string           # Relay to send by
    --id: string              # Idempotency key: the same KEY is sent once in 24 hours
    --wait: string@"nu-complete mrpctl progress wait" # How far to wait (default: accepted, for 10s)
    --async                   # The same as --wait queued
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl progress output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl progress color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl progress progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    recipient: string         # Contact name, key, mrp: card, or @group
  ]

  def "nu-complete mrpctl tail kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl tail output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl tail color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl tail progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show messages, and go on as they come
  export extern "mrpctl tail" [
    -n: string                # Begin with the last N of what is there (default: 10; of what is unread, all)
    --since: string           # Begin at this time: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    --after: string           # Begin behind this message: its id or its seq
    --cursor: string          # Begin behind what the reader of this name has seen, and remember what was shown
    --no-follow               # End with what is there
    -c: string                # End after N messages
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl tail kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --unread                  # Only what came in and nothing was done with
    --sent                    # Only messages that were sent from here
    --all                     # Messages both ways
    --download: path          # Save the attachments below this directory, in a folder for each message, before the message is shown
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl tail output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl tail color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl tail progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl recv kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl recv output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl recv color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl recv progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what is unread, and go on as it comes: tail --unread
  export extern "mrpctl recv" [
    -n: string                # Begin with the last N of what is there (default: 10; of what is unread, all)
    --since: string           # Begin at this time: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    --after: string           # Begin behind this message: its id or its seq
    --cursor: string          # Begin behind what the reader of this name has seen, and remember what was shown
    --no-follow               # End with what is there
    -c: string                # End after N messages
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl recv kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --unread                  # Only what came in and nothing was done with
    --sent                    # Only messages that were sent from here
    --all                     # Messages both ways
    --download: path          # Save the attachments below this directory, in a folder for each message, before the message is shown
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl recv output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl recv color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl recv progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl next kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl next output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl next color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl next progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take work from the inbox: of several programs that do, each message goes to one
  export extern "mrpctl next" [
    -n: string                # How many to take at most
    --lease: string           # How long they are claimed, 1s to 7d (default: 5m)
    --wait: string            # Wait until there is something (the default), at most so long
    --no-wait                 # Do not wait
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl next kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl next output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl next color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl next progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl ack output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl ack color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl ack progress" [] {
    [ "auto" "never" "json" ]
  }

  # The work is done: the messages are settled, all of them or none
  export extern "mrpctl ack" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl ack output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl ack color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl ack progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # msg_..., a seq, or lease_... (the token of exactly one claim)
  ]

  def "nu-complete mrpctl nack output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl nack color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl nack progress" [] {
    [ "auto" "never" "json" ]
  }

  # The work is not done: the messages can be taken again, all of them or none
  export extern "mrpctl nack" [
    --delay: string           # Not before so long, at most 30d
    --dead                    # Nobody shall take them again; mrpctl mark unread brings them back
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl nack output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl nack color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl nack progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # msg_..., a seq, or lease_... (the token of exactly one claim)
  ]

  def "nu-complete mrpctl touch output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl touch color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl touch progress" [] {
    [ "auto" "never" "json" ]
  }

  # The work goes on: the lease is longer
  export extern "mrpctl touch" [
    --lease: string           # How long from now on, 1s to 7d (default: 5m)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl touch output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl touch color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl touch progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # msg_..., a seq, or lease_... (the token of exactly one claim)
  ]

  def "nu-complete mrpctl wait kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl wait output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl wait color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl wait progress" [] {
    [ "auto" "never" "json" ]
  }

  # Wait until something matches, and print it
  export extern "mrpctl wait" [
    -c: string                # End after N messages
    --after: string           # What came behind this message counts: its id or its seq
    --since: string           # What came since this time counts: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl wait kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl wait output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl wait color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl wait progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl inbox kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl inbox output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl inbox color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl inbox progress" [] {
    [ "auto" "never" "json" ]
  }

  # List messages, the newest first
  export extern "mrpctl inbox" [
    --unread                  # Only what nothing was done with
    --limit: string           # At most N messages
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl inbox kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl inbox output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl inbox color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl inbox progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl inbox ls kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl inbox ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl inbox ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl inbox ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # List messages, the newest first (the default)
  export extern "mrpctl inbox ls" [
    --unread                  # Only what nothing was done with
    --limit: string           # At most N messages
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl inbox ls kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl inbox ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl inbox ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl inbox ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl inbox help" [
  ]

  # List messages, the newest first (the default)
  export extern "mrpctl inbox help ls" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl inbox help help" [
  ]

  def "nu-complete mrpctl show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show one message
  export extern "mrpctl show" [
    --raw                     # The message object as the daemon has it, one line of JSON
    --headers                 # All but the body
    --body                    # Only the body's JSON, byte for byte
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    id: string                # msg_..., a seq, or out_...
  ]

  def "nu-complete mrpctl thread output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl thread color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl thread progress" [] {
    [ "auto" "never" "json" ]
  }

  # List threads, or show the messages of one
  export extern "mrpctl thread" [
    --limit: string           # At most N threads
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl thread output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl thread color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl thread progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl thread ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl thread ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl thread ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # List threads, the latest first (the default)
  export extern "mrpctl thread ls" [
    --limit: string           # At most N threads
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl thread ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl thread ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl thread ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl thread show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl thread show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl thread show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show a thread's messages, both ways, the oldest first
  export extern "mrpctl thread show" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl thread show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl thread show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl thread show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    id: string                # The thread's id
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl thread help" [
  ]

  # List threads, the latest first (the default)
  export extern "mrpctl thread help ls" [
  ]

  # Show a thread's messages, both ways, the oldest first
  export extern "mrpctl thread help show" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl thread help help" [
  ]

  def "nu-complete mrpctl search kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl search output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl search color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl search progress" [] {
    [ "auto" "never" "json" ]
  }

  # Find messages by their words, the newest first; exit status 1 if there are none
  export extern "mrpctl search" [
    --limit: string           # At most N messages
    --sent                    # Only messages that were sent from here
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl search kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl search output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl search color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl search progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    ...words: string          # Words
  ]

  def "nu-complete mrpctl open conflict" [] {
    [ "rename" "skip" "overwrite" ]
  }

  def "nu-complete mrpctl open output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl open color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl open progress" [] {
    [ "auto" "never" "json" ]
  }

  # Save the attachments of a message
  export extern "mrpctl open" [
    --out: path               # Where to put them (made if it is missing)
    --conflict: string@"nu-complete mrpctl open conflict" # What happens to one whose name is taken: rename (report-1.pdf), skip or overwrite
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl open output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl open color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl open progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    id: string                # msg_... or a seq
  ]

  def "nu-complete mrpctl mark word" [] {
    [ "read" "unread" "archive" ]
  }

  def "nu-complete mrpctl mark output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl mark color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl mark progress" [] {
    [ "auto" "never" "json" ]
  }

  # Mark messages as read, unread or archived, all of them or none
  export extern "mrpctl mark" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl mark output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl mark color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl mark progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    word: string@"nu-complete mrpctl mark word" # read, unread or archive
    ...ids: string            # msg_... or a seq
  ]

  def "nu-complete mrpctl rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Remove messages for good
  export extern "mrpctl rm" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    ...ids: string            # msg_... or a seq
  ]

  def "nu-complete mrpctl prune output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl prune color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl prune progress" [] {
    [ "auto" "never" "json" ]
  }

  # Remove what is old, for good; what is claimed, held, or needed by a hook stays
  export extern "mrpctl prune" [
    --older: string           # Messages that came longer ago
    --keep-unread             # Leave what is unread
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl prune output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl prune color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl prune progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl outbox output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl outbox color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl outbox progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show messages on their way, try them again, or cancel them
  export extern "mrpctl outbox" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl outbox output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl outbox color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl outbox progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl outbox ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl outbox ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl outbox ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show messages on their way (the default)
  export extern "mrpctl outbox ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl outbox ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl outbox ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl outbox ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl outbox retry output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl outbox retry color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl outbox retry progress" [] {
    [ "auto" "never" "json" ]
  }

  # Try them now
  export extern "mrpctl outbox retry" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl outbox retry output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl outbox retry color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl outbox retry progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # out_...
  ]

  def "nu-complete mrpctl outbox cancel output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl outbox cancel color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl outbox cancel progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take out what no relay can have
  export extern "mrpctl outbox cancel" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl outbox cancel output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl outbox cancel color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl outbox cancel progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # out_...
  ]

  def "nu-complete mrpctl outbox flush output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl outbox flush color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl outbox flush progress" [] {
    [ "auto" "never" "json" ]
  }

  # Try everything now that waits for its next attempt
  export extern "mrpctl outbox flush" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl outbox flush output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl outbox flush color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl outbox flush progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl outbox help" [
  ]

  # Show messages on their way (the default)
  export extern "mrpctl outbox help ls" [
  ]

  # Try them now
  export extern "mrpctl outbox help retry" [
  ]

  # Take out what no relay can have
  export extern "mrpctl outbox help cancel" [
  ]

  # Try everything now that waits for its next attempt
  export extern "mrpctl outbox help flush" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl outbox help help" [
  ]

  def "nu-complete mrpctl dead output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl dead color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl dead progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what was given up, by the outbox or by hooks; try it again, or drop it
  export extern "mrpctl dead" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl dead output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl dead color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl dead progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl dead ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl dead ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl dead ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what was given up (the default)
  export extern "mrpctl dead ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl dead ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl dead ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl dead ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl dead retry output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl dead retry color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl dead retry progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have it tried again
  export extern "mrpctl dead retry" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl dead retry output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl dead retry color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl dead retry progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # As mrpctl dead shows it: out_..., or hook:NAME:SEQ
  ]

  def "nu-complete mrpctl dead drop output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl dead drop color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl dead drop progress" [] {
    [ "auto" "never" "json" ]
  }

  # Forget it; a message stays in the inbox
  export extern "mrpctl dead drop" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl dead drop output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl dead drop color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl dead drop progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # As mrpctl dead shows it: out_..., or hook:NAME:SEQ
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl dead help" [
  ]

  # Show what was given up (the default)
  export extern "mrpctl dead help ls" [
  ]

  # Have it tried again
  export extern "mrpctl dead help retry" [
  ]

  # Forget it; a message stays in the inbox
  export extern "mrpctl dead help drop" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl dead help help" [
  ]

  def "nu-complete mrpctl export kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl export output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl export color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl export progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write all messages, both ways, as lines of JSON
  export extern "mrpctl export" [
    --since: string           # Only messages since this time: 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl export kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl export output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl export color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl export progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl import output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl import color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl import progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take in messages that were exported; exit status 65 if a line is refused
  export extern "mrpctl import" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl import output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl import color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl import progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    file?: string             # A file of lines of JSON; - is standard input
  ]

  def "nu-complete mrpctl receipts output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl receipts color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl receipts progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what became of a message that was sent: accepted, delivered, answered, expired, with the times
  export extern "mrpctl receipts" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl receipts output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl receipts color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl receipts progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    id: string                # msg_..., out_..., or a seq
  ]

  def "nu-complete mrpctl chat output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl chat color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl chat progress" [] {
    [ "auto" "never" "json" ]
  }

  # Talk with somebody: each line that is typed is sent, what they write appears
  export extern "mrpctl chat" [
    -n: string                # Begin with the last N messages
    --thread(-t): string      # Only this thread; what is typed is sent in it
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl chat output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl chat color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl chat progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    who: string               # Contact name, key, or me
  ]

  def "nu-complete mrpctl on kind" [] {
    [ "text" "request" "response" "event" "status" "json" "binary" "undecryptable" ]
  }

  def "nu-complete mrpctl on output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl on color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl on progress" [] {
    [ "auto" "never" "json" ]
  }

  # Run a command for each message that comes
  export extern "mrpctl on" [
    --from: string            # Only messages of this contact, key or @group
    --to-agent: string        # Only messages to this local identity
    --thread: string          # Only messages of this thread
    --reply-to: string        # Only answers to this message
    --kind: string@"nu-complete mrpctl on kind" # Only messages of this kind
    --type: string            # Only messages of this media type
    --match: string           # Only messages for which this holds, such as 'body.event == "build.passed"'
    --unverified              # Also messages of which only the relay says whose they are
    --count(-c): string       # End after N messages
    --cursor: string          # Begin behind what the reader of this name has handled, and remember what was handled (default: from now on)
    --attempts: string        # How often a message is tried (default: 3, with -c 1 once)
    --run-timeout: string     # How long one run may take
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl on output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl on color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl on progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl serve output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl serve color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl serve progress" [] {
    [ "auto" "never" "json" ]
  }

  # Answer requests with a command
  export extern "mrpctl serve" [
    --from: string            # Only requests of this contact or key; '*' for everybody's
    --unverified              # Also messages of which only the relay says whose they are
    --schema: path            # A JSON Schema that the parameters are checked by; what it may say is told below
    --jobs(-j): string        # Requests that are answered at the same time
    --count(-c): string       # End after N requests
    --run-timeout: string     # How long one run may take
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl serve output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl serve color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl serve progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    ...actions: string        # What is answered
  ]

  def "nu-complete mrpctl run when" [] {
    [ "failure" "success" "always" "change" ]
  }

  def "nu-complete mrpctl run output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl run color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl run progress" [] {
    [ "auto" "never" "json" ]
  }

  # Run a command and send how it ended
  export extern "mrpctl run" [
    --to: string              # Who is told; repeatable
    --on: string@"nu-complete mrpctl run when" # When to tell
    --after-failures: string  # Count it as a failure only after so many in a row
    --title: string           # What it is called (default: the command)
    --tail: string            # How many of the last lines are sent
    --attach-output           # Send all of its output, as a file
    --every: string           # While it runs, tell so often that it does
    --start-ping              # Tell when it begins
    --pid: string             # Wait for this process instead of running a command; how it ended is not known
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl run output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl run color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl run progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl publish output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl publish color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl publish progress" [] {
    [ "auto" "never" "json" ]
  }

  # Send to all who subscribed to a topic of mine
  export extern "mrpctl publish" [
    --data(-d): string        # The content as JSON; @FILE or - to read it
    --expires: string         # How long a relay keeps it, 1s to 30d
    --plain                   # Send in clear: the relay can read it
    --id: string              # Idempotency key: the same KEY is published once in 24 hours
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl publish output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl publish color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl publish progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    topic: string             # The topic
    ...words: string          # The text; words are joined by spaces
  ]

  def "nu-complete mrpctl subscribers output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl subscribers color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl subscribers progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show who has subscribed to a topic of mine
  export extern "mrpctl subscribers" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl subscribers output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl subscribers color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl subscribers progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    topic: string             # The topic
  ]

  def "nu-complete mrpctl subscribe output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl subscribe color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl subscribe progress" [] {
    [ "auto" "never" "json" ]
  }

  # Ask for what somebody publishes
  export extern "mrpctl subscribe" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl subscribe output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl subscribe color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl subscribe progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact name, key or mrp: card of the publisher
    topic?: string            # The topic (default: the only one there is)
  ]

  def "nu-complete mrpctl unsubscribe output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl unsubscribe color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl unsubscribe progress" [] {
    [ "auto" "never" "json" ]
  }

  # Give up what was subscribed to
  export extern "mrpctl unsubscribe" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl unsubscribe output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl unsubscribe color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl unsubscribe progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact name, key or mrp: card of the publisher
    topic?: string            # The topic (default: the one that was subscribed to without a name)
  ]

  def "nu-complete mrpctl watch output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl watch color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl watch progress" [] {
    [ "auto" "never" "json" ]
  }

  # Run a command again and again, and send what it prints when that changes
  export extern "mrpctl watch" [
    --to: string              # Who is told; repeatable
    --interval(-n): string    # How long to wait between two runs
    --once                    # Run it once, and compare with the last time
    --title: string           # What it is called (default: the command)
    --run-timeout: string     # How long one run may take
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl watch output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl watch color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl watch progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl hook output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show the hooks of the daemon, try them, and see what they did
  export extern "mrpctl hook" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl hook ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # List the hooks (the default)
  export extern "mrpctl hook ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl hook show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show one hook
  export extern "mrpctl hook show" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl hook enable output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook enable color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook enable progress" [] {
    [ "auto" "never" "json" ]
  }

  # Switch a hook on
  export extern "mrpctl hook enable" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook enable output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook enable color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook enable progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl hook disable output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook disable color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook disable progress" [] {
    [ "auto" "never" "json" ]
  }

  # Switch a hook off; what comes meanwhile waits for it
  export extern "mrpctl hook disable" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook disable output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook disable color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook disable progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl hook reload output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook reload color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook reload progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have the daemon read its configuration again
  export extern "mrpctl hook reload" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook reload output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook reload color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook reload progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl hook test output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook test color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook test progress" [] {
    [ "auto" "never" "json" ]
  }

  # Run a hook on one message and show what it printed; nothing is acknowledged or replied
  export extern "mrpctl hook test" [
    --message: string         # A message of the inbox, by its id or seq (default: a message object, or some fields of one, on standard input)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook test output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook test color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook test progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl hook log output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook log color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook log progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what hooks have done
  export extern "mrpctl hook log" [
    --follow(-f)              # Go on as they run
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook log output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook log color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook log progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name?: string             # Only this one
  ]

  def "nu-complete mrpctl hook replay output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl hook replay color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl hook replay progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have a hook look again at what came since then
  export extern "mrpctl hook replay" [
    --since: string           # 2026-11-21T09:00:00Z, or how long ago: 1h, 7d
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl hook replay output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl hook replay color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl hook replay progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl hook help" [
  ]

  # List the hooks (the default)
  export extern "mrpctl hook help ls" [
  ]

  # Show one hook
  export extern "mrpctl hook help show" [
  ]

  # Switch a hook on
  export extern "mrpctl hook help enable" [
  ]

  # Switch a hook off; what comes meanwhile waits for it
  export extern "mrpctl hook help disable" [
  ]

  # Have the daemon read its configuration again
  export extern "mrpctl hook help reload" [
  ]

  # Run a hook on one message and show what it printed; nothing is acknowledged or replied
  export extern "mrpctl hook help test" [
  ]

  # Show what hooks have done
  export extern "mrpctl hook help log" [
  ]

  # Have a hook look again at what came since then
  export extern "mrpctl hook help replay" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl hook help help" [
  ]

  def "nu-complete mrpctl contact output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact progress" [] {
    [ "auto" "never" "json" ]
  }

  # Names for keys: show, add, rename, remove
  export extern "mrpctl contact" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl contact ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show all contacts
  export extern "mrpctl contact ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl contact show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show one contact; exit status 1 where there is none
  export extern "mrpctl contact show" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Name or key
  ]

  def "nu-complete mrpctl contact add encrypt" [] {
    [ "always" "auto" "never" ]
  }

  def "nu-complete mrpctl contact add trust" [] {
    [ "unknown" "known" "trusted" ]
  }

  def "nu-complete mrpctl contact add output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact add color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact add progress" [] {
    [ "auto" "never" "json" ]
  }

  # Add a contact, or change the note, sealing or trust of one
  export extern "mrpctl contact add" [
    --note: string            # A note for yourself
    --encrypt: string@"nu-complete mrpctl contact add encrypt" # Whether messages to it are sealed
    --trust: string@"nu-complete mrpctl contact add trust" # How far you trust it
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact add output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact add color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact add progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    name: string              # The name; or a card that has one; or - to read a card
    key?: string              # 43-character key, ed25519: key or mrp: card
  ]

  def "nu-complete mrpctl contact rename output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact rename color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact rename progress" [] {
    [ "auto" "never" "json" ]
  }

  # Give a contact another name
  export extern "mrpctl contact rename" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact rename output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact rename color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact rename progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # The name it has, or its key
    new?: string              # The name it is to have
  ]

  def "nu-complete mrpctl contact rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Remove contacts; exit status 1 where there is no such one
  export extern "mrpctl contact rm" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
    ...more: string           # More of them; those that begin with - stand behind --
  ]

  def "nu-complete mrpctl contact import output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact import color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact import progress" [] {
    [ "auto" "never" "json" ]
  }

  # Add contacts from a file: what export writes, or the published clients' contacts.json
  export extern "mrpctl contact import" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact import output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact import color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact import progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    file?: string             # The file; - or nothing for standard input
  ]

  def "nu-complete mrpctl contact export output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl contact export color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl contact export progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write all contacts, one JSON object a line
  export extern "mrpctl contact export" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl contact export output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl contact export color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl contact export progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl contact help" [
  ]

  # Show all contacts
  export extern "mrpctl contact help ls" [
  ]

  # Show one contact; exit status 1 where there is none
  export extern "mrpctl contact help show" [
  ]

  # Add a contact, or change the note, sealing or trust of one
  export extern "mrpctl contact help add" [
  ]

  # Give a contact another name
  export extern "mrpctl contact help rename" [
  ]

  # Remove contacts; exit status 1 where there is no such one
  export extern "mrpctl contact help rm" [
  ]

  # Add contacts from a file: what export writes, or the published clients' contacts.json
  export extern "mrpctl contact help import" [
  ]

  # Write all contacts, one JSON object a line
  export extern "mrpctl contact help export" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl contact help help" [
  ]

  def "nu-complete mrpctl card output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl card color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl card progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show my address as one line of text, to hand on
  export extern "mrpctl card" [
    --name: string            # The name to suggest (default: the local identity's)
    --qr                      # Draw it as a QR code above the line
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl card output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl card color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl card progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl find output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl find color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl find progress" [] {
    [ "auto" "never" "json" ]
  }

  # Find public agents at a relay, the most recently active ones first
  export extern "mrpctl find" [
    --query: string           # Words that all occur in names, descriptions and tags
    --name: string            # A part of the name that they give themselves
    --active: string          # Only those that were active within this time, such as 1h
    --limit: string           # So many at most
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl find output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl find color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl find progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...tags: string           # Only those that have a capability with each of these tags
  ]

  def "nu-complete mrpctl caps output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl caps color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl caps progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what agents can do: all tags at a relay, or the capabilities of one agent
  export extern "mrpctl caps" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl caps output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl caps color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl caps progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who?: string              # Contact, key or card
  ]

  def "nu-complete mrpctl lookup output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl lookup color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl lookup progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show an agent's profile, as a relay has it
  export extern "mrpctl lookup" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl lookup output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl lookup color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl lookup progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
  ]

  def "nu-complete mrpctl allow output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl allow color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl allow progress" [] {
    [ "auto" "never" "json" ]
  }

  # Let somebody write, also under the policy allowlist
  export extern "mrpctl allow" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl allow output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl allow color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl allow progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
    ...more: string           # More of them; those that begin with - stand behind --
  ]

  def "nu-complete mrpctl block output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl block color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl block progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take no more messages from somebody
  export extern "mrpctl block" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl block output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl block color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl block progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
    ...more: string           # More of them; those that begin with - stand behind --
  ]

  def "nu-complete mrpctl unblock output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl unblock color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl unblock progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take somebody off the access list, whether allowed or blocked
  export extern "mrpctl unblock" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl unblock output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl unblock color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl unblock progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
    ...more: string           # More of them; those that begin with - stand behind --
  ]

  def "nu-complete mrpctl acl output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl acl color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl acl progress" [] {
    [ "auto" "never" "json" ]
  }

  # The access list: who may write, and who may not
  export extern "mrpctl acl" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl acl output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl acl color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl acl progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl acl ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl acl ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl acl ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show it
  export extern "mrpctl acl ls" [
    --allow                   # Only those who are allowed
    --block                   # Only those who are blocked
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl acl ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl acl ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl acl ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl acl help" [
  ]

  # Show it
  export extern "mrpctl acl help ls" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl acl help help" [
  ]

  def "nu-complete mrpctl policy policy" [] {
    [ "open" "allowlist" "blocklist" "closed" ]
  }

  def "nu-complete mrpctl policy output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl policy color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl policy progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show or say whose messages the inbox takes
  export extern "mrpctl policy" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl policy output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl policy color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl policy progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    policy?: string@"nu-complete mrpctl policy policy" # open, allowlist, blocklist or closed
  ]

  def "nu-complete mrpctl pending output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl pending color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl pending progress" [] {
    [ "auto" "never" "json" ]
  }

  # Messages from unknown senders, where [inbox] hold_unknown_senders is on
  export extern "mrpctl pending" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl pending output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl pending color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl pending progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl pending ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl pending ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl pending ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what is held
  export extern "mrpctl pending ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl pending ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl pending ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl pending ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl pending accept output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl pending accept color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl pending accept progress" [] {
    [ "auto" "never" "json" ]
  }

  # Let senders in, by their keys (or the first 8 characters) or ids of messages: what is held becomes visible
  export extern "mrpctl pending accept" [
    --name: string            # Make the sender a contact of this name
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl pending accept output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl pending accept color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl pending accept progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
    ...more: string           # More of them; those that begin with - stand behind --
  ]

  def "nu-complete mrpctl pending reject output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl pending reject color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl pending reject progress" [] {
    [ "auto" "never" "json" ]
  }

  # Drop what is held, of senders or by ids of messages; later messages are held as before
  export extern "mrpctl pending reject" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl pending reject output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl pending reject color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl pending reject progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card
    ...more: string           # More of them; those that begin with - stand behind --
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl pending help" [
  ]

  # Show what is held
  export extern "mrpctl pending help ls" [
  ]

  # Let senders in, by their keys (or the first 8 characters) or ids of messages: what is held becomes visible
  export extern "mrpctl pending help accept" [
  ]

  # Drop what is held, of senders or by ids of messages; later messages are held as before
  export extern "mrpctl pending help reject" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl pending help help" [
  ]

  def "nu-complete mrpctl whoami output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl whoami color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl whoami progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show the local identity: name, key, fingerprint, card and relays
  export extern "mrpctl whoami" [
    --qr                      # Draw the card as a QR code
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl whoami output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl whoami color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl whoami progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl profile output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl profile color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl profile progress" [] {
    [ "auto" "never" "json" ]
  }

  # How the local identity shows itself at its relays
  export extern "mrpctl profile" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl profile output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl profile color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl profile progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl profile show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl profile show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl profile show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show it as each relay has it
  export extern "mrpctl profile show" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl profile show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl profile show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl profile show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl profile set visibility" [] {
    [ "public" "private" ]
  }

  def "nu-complete mrpctl profile set output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl profile set color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl profile set progress" [] {
    [ "auto" "never" "json" ]
  }

  # Change it, in mrpd.toml and thereby at all relays
  export extern "mrpctl profile set" [
    --name: string            # The name that others see
    --visibility: string@"nu-complete mrpctl profile set visibility" # Whether mrpctl find finds it
    --meta: string            # A pair that others see
    --no-meta: string         # Take a pair away
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl profile set output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl profile set color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl profile set progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl profile help" [
  ]

  # Show it as each relay has it
  export extern "mrpctl profile help show" [
  ]

  # Change it, in mrpd.toml and thereby at all relays
  export extern "mrpctl profile help set" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl profile help help" [
  ]

  def "nu-complete mrpctl cap output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl cap color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl cap progress" [] {
    [ "auto" "never" "json" ]
  }

  # What the local identity says that it can do
  export extern "mrpctl cap" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl cap output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl cap color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl cap progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl cap ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl cap ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl cap ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what is configured, and whether the daemon answers it
  export extern "mrpctl cap ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl cap ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl cap ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl cap ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl cap add output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl cap add color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl cap add progress" [] {
    [ "auto" "never" "json" ]
  }

  # Add a capability, or change one
  export extern "mrpctl cap add" [
    --desc: string            # What it is, for people
    --tag: string             # What mrpctl find finds it by
    --schema: path            # A file with the JSON Schema of its parameters
    --cap-version: string     # Its version, any text
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl cap add output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl cap add color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl cap add progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name, and the action of requests for it: 3 to 64 letters, digits, _ : . or -
  ]

  def "nu-complete mrpctl cap rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl cap rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl cap rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take capabilities away
  export extern "mrpctl cap rm" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl cap rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl cap rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl cap rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...names: string          # Their names
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl cap help" [
  ]

  # Show what is configured, and whether the daemon answers it
  export extern "mrpctl cap help ls" [
  ]

  # Add a capability, or change one
  export extern "mrpctl cap help add" [
  ]

  # Take capabilities away
  export extern "mrpctl cap help rm" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl cap help help" [
  ]

  def "nu-complete mrpctl key output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key progress" [] {
    [ "auto" "never" "json" ]
  }

  # Private keys as files, and signatures of data
  export extern "mrpctl key" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl key new output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key new color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key new progress" [] {
    [ "auto" "never" "json" ]
  }

  # Make a key, in a file that must not exist
  export extern "mrpctl key new" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key new output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key new color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key new progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name?: string             # Its name (default: that of --agent, else the default identity)
  ]

  def "nu-complete mrpctl key ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show the key files and who uses them
  export extern "mrpctl key ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl key use output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key use color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key use progress" [] {
    [ "auto" "never" "json" ]
  }

  # Act as this identity where no other is named; one that is not configured yet is configured
  export extern "mrpctl key use" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key use output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key use color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key use progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl key show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show the public half of a key
  export extern "mrpctl key show" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl key import output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key import color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key import progress" [] {
    [ "auto" "never" "json" ]
  }

  # Take a key over from a file; - is standard input
  export extern "mrpctl key import" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key import output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key import color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key import progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    file: path                # 32 raw bytes, their hexadecimal or base64url text, or a PEM of OpenSSL
    name?: string             # The name it is to have (default: that of the file)
  ]

  def "nu-complete mrpctl key export output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key export color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key export progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write the private key out: whoever has it is you
  export extern "mrpctl key export" [
    --out: path               # Into a new file, raw, for its owner alone (default: base64url to standard output, unless that is a terminal)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key export output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key export color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key export progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl key encrypt output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key encrypt color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key encrypt progress" [] {
    [ "auto" "never" "json" ]
  }

  # Keep a key file under a passphrase
  export extern "mrpctl key encrypt" [
    --out: path               # Into a new file, and leave the other as it is; - is standard output
    --passphrase-file: path   # A file with the passphrase, readable for you alone, or - for standard input; a newline at its end does not count (default: asks)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key encrypt output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key encrypt color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key encrypt progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    which: string             # The name of a key, the path of its file, or - for standard input, in any form that key import takes
  ]

  def "nu-complete mrpctl key decrypt output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key decrypt color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key decrypt progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write the private key out that is kept under a passphrase: whoever has it is you
  export extern "mrpctl key decrypt" [
    --out: path               # Into a new file, raw, for its owner alone (default: base64url to standard output, unless that is a terminal)
    --replace                 # In place of the file itself
    --passphrase-file: path   # A file with the passphrase, readable for you alone, or - for standard input; a newline at its end does not count (default: asks)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key decrypt output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key decrypt color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key decrypt progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    which: string             # The name of a key, the path of its file, or - for standard input
  ]

  def "nu-complete mrpctl key rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Remove a key file for ever; asks at a terminal, and needs --yes elsewhere
  export extern "mrpctl key rm" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl key sign output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key sign color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key sign progress" [] {
    [ "auto" "never" "json" ]
  }

  # Sign standard input: a detached signature, of its SHA-256 and a word that no message begins with
  export extern "mrpctl key sign" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key sign output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key sign color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key sign progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl key verify output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl key verify color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl key verify progress" [] {
    [ "auto" "never" "json" ]
  }

  # Check a signature of standard input; exit status 65 where it is none
  export extern "mrpctl key verify" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl key verify output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl key verify color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl key verify progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    who: string               # Contact, key or card that is to have signed; me, or a local identity
    signature: string         # The 86 characters that key sign has written
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl key help" [
  ]

  # Make a key, in a file that must not exist
  export extern "mrpctl key help new" [
  ]

  # Show the key files and who uses them
  export extern "mrpctl key help ls" [
  ]

  # Act as this identity where no other is named; one that is not configured yet is configured
  export extern "mrpctl key help use" [
  ]

  # Show the public half of a key
  export extern "mrpctl key help show" [
  ]

  # Take a key over from a file; - is standard input
  export extern "mrpctl key help import" [
  ]

  # Write the private key out: whoever has it is you
  export extern "mrpctl key help export" [
  ]

  # Keep a key file under a passphrase
  export extern "mrpctl key help encrypt" [
  ]

  # Write the private key out that is kept under a passphrase: whoever has it is you
  export extern "mrpctl key help decrypt" [
  ]

  # Remove a key file for ever; asks at a terminal, and needs --yes elsewhere
  export extern "mrpctl key help rm" [
  ]

  # Sign standard input: a detached signature, of its SHA-256 and a word that no message begins with
  export extern "mrpctl key help sign" [
  ]

  # Check a signature of standard input; exit status 65 where it is none
  export extern "mrpctl key help verify" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl key help help" [
  ]

  def "nu-complete mrpctl blob output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl blob color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl blob progress" [] {
    [ "auto" "never" "json" ]
  }

  # Files that lie with a relay
  export extern "mrpctl blob" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl blob output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl blob color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl blob progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl blob put output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl blob put color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl blob put progress" [] {
    [ "auto" "never" "json" ]
  }

  # Upload a file in clear; prints its id
  export extern "mrpctl blob put" [
    --filename: string        # A name for people (default: the file's own)
    --type: string            # Media type (default: application/octet-stream)
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl blob put output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl blob put color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl blob put progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    file: string              # The file; - is standard input
  ]

  def "nu-complete mrpctl blob get output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl blob get color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl blob get progress" [] {
    [ "auto" "never" "json" ]
  }

  # Fetch one, to standard output or into a file
  export extern "mrpctl blob get" [
    --out(-O): string         # Into this file, which is replaced when all of it is there; - is standard output
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl blob get output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl blob get color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl blob get progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    id: string                # Its id, blob_... or file_...
  ]

  def "nu-complete mrpctl blob info output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl blob info color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl blob info progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what is known of one
  export extern "mrpctl blob info" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl blob info output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl blob info color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl blob info progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    id: string                # Its id, blob_... or file_...
  ]

  def "nu-complete mrpctl blob ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl blob ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl blob ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show what was uploaded from here, and the files that wait for their messages
  export extern "mrpctl blob ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl blob ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl blob ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl blob ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl blob rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl blob rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl blob rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Give them up
  export extern "mrpctl blob rm" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl blob rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl blob rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl blob rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    ...ids: string            # Their ids
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl blob help" [
  ]

  # Upload a file in clear; prints its id
  export extern "mrpctl blob help put" [
  ]

  # Fetch one, to standard output or into a file
  export extern "mrpctl blob help get" [
  ]

  # Show what is known of one
  export extern "mrpctl blob help info" [
  ]

  # Show what was uploaded from here, and the files that wait for their messages
  export extern "mrpctl blob help ls" [
  ]

  # Give them up
  export extern "mrpctl blob help rm" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl blob help help" [
  ]

  def "nu-complete mrpctl relay output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay progress" [] {
    [ "auto" "never" "json" ]
  }

  # The relays of the configuration
  export extern "mrpctl relay" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl relay ls output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay ls color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay ls progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show them, and who uses them
  export extern "mrpctl relay ls" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay ls output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay ls color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay ls progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl relay add output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay add color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay add progress" [] {
    [ "auto" "never" "json" ]
  }

  # Add one, and have the local identity use it
  export extern "mrpctl relay add" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay add output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay add color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay add progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # A name for it
    url: string               # Its URL, such as https://relay.example.net
  ]

  def "nu-complete mrpctl relay rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Forget one, for all local identities
  export extern "mrpctl relay rm" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl relay use output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay use color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay use progress" [] {
    [ "auto" "never" "json" ]
  }

  # Make it the first relay of the local identity: the one that is written by where nothing else is said
  export extern "mrpctl relay use" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay use output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay use color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay use progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name: string              # Its name
  ]

  def "nu-complete mrpctl relay ping output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay ping color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay ping progress" [] {
    [ "auto" "never" "json" ]
  }

  # Ask relays how they are; exit status 69 where one does not answer
  export extern "mrpctl relay ping" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay ping output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay ping color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay ping progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    name?: string             # Only this one (default: all of the local identity)
  ]

  def "nu-complete mrpctl relay limits output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl relay limits color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl relay limits progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show how many more messages they take
  export extern "mrpctl relay limits" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl relay limits output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl relay limits color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl relay limits progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl relay help" [
  ]

  # Show them, and who uses them
  export extern "mrpctl relay help ls" [
  ]

  # Add one, and have the local identity use it
  export extern "mrpctl relay help add" [
  ]

  # Forget one, for all local identities
  export extern "mrpctl relay help rm" [
  ]

  # Make it the first relay of the local identity: the one that is written by where nothing else is said
  export extern "mrpctl relay help use" [
  ]

  # Ask relays how they are; exit status 69 where one does not answer
  export extern "mrpctl relay help ping" [
  ]

  # Show how many more messages they take
  export extern "mrpctl relay help limits" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl relay help help" [
  ]

  def "nu-complete mrpctl webhook output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl webhook color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl webhook progress" [] {
    [ "auto" "never" "json" ]
  }

  # Where a relay announces messages over HTTP
  export extern "mrpctl webhook" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl webhook output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl webhook color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl webhook progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl webhook show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl webhook show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl webhook show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show it; exit status 1 where there is none
  export extern "mrpctl webhook show" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl webhook show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl webhook show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl webhook show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl webhook set output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl webhook set color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl webhook set progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have the relay post messages to a URL
  export extern "mrpctl webhook set" [
    --secret-file: path       # A file with the secret that deliveries are signed with: 16 to 256 characters; white space around it does not count
    --generate                # Make a secret, and show it this once
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl webhook set output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl webhook set color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl webhook set progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    url: string               # Where to post
  ]

  def "nu-complete mrpctl webhook rm output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl webhook rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl webhook rm progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have the relay announce nothing any more
  export extern "mrpctl webhook rm" [
    --relay: string           # The relay that is meant (default: the first one; what is changed is changed at all of them)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl webhook rm output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl webhook rm color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl webhook rm progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl webhook listen output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl webhook listen color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl webhook listen progress" [] {
    [ "auto" "never" "json" ]
  }

  # Receive what a relay posts, and run a command for each message; no daemon is needed
  export extern "mrpctl webhook listen" [
    --addr: string            # Where to listen; port 0 is any free one, which is told on standard error
    --path: string            # The path that is posted to
    --secret-file: path       # The file with the secret that deliveries are signed with, readable for you alone; - is standard input
    --key: path               # The private key that messages are sealed for, to open them (default: they stay sealed, of kind undecryptable)
    --jobs(-j): string        # Commands that run at the same time
    --count(-c): string       # End after N messages that were handled or given up
    --attempts: string        # Give a message up after N runs that failed (default: it is run as often as the relay brings it)
    --run-timeout: string     # How long one run may take
    --max-age: string         # How old a delivery may be, or how far ahead of this clock
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl webhook listen output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl webhook listen color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl webhook listen progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl webhook verify output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl webhook verify color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl webhook verify progress" [] {
    [ "auto" "never" "json" ]
  }

  # Check the signature of a delivery, read as JSON; exit status 65 where it is not right
  export extern "mrpctl webhook verify" [
    --secret-file: path       # The file with the secret
    --max-age: string         # How old the delivery may be
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl webhook verify output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl webhook verify color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl webhook verify progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl webhook help" [
  ]

  # Show it; exit status 1 where there is none
  export extern "mrpctl webhook help show" [
  ]

  # Have the relay post messages to a URL
  export extern "mrpctl webhook help set" [
  ]

  # Have the relay announce nothing any more
  export extern "mrpctl webhook help rm" [
  ]

  # Receive what a relay posts, and run a command for each message; no daemon is needed
  export extern "mrpctl webhook help listen" [
  ]

  # Check the signature of a delivery, read as JSON; exit status 65 where it is not right
  export extern "mrpctl webhook help verify" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl webhook help help" [
  ]

  def "nu-complete mrpctl daemon output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon progress" [] {
    [ "auto" "never" "json" ]
  }

  # Start, stop and ask the daemon
  export extern "mrpctl daemon" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl daemon run output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon run color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon run progress" [] {
    [ "auto" "never" "json" ]
  }

  # Run it in the foreground
  export extern "mrpctl daemon run" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon run output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon run color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon run progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl daemon start output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon start color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon start progress" [] {
    [ "auto" "never" "json" ]
  }

  # Start it in the background; does nothing if it is running
  export extern "mrpctl daemon start" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon start output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon start color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon start progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl daemon stop output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon stop color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon stop progress" [] {
    [ "auto" "never" "json" ]
  }

  # End it; does nothing if it is not running
  export extern "mrpctl daemon stop" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon stop output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon stop color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon stop progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl daemon restart output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon restart color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon restart progress" [] {
    [ "auto" "never" "json" ]
  }

  # End it and start it again
  export extern "mrpctl daemon restart" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon restart output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon restart color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon restart progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl daemon reload output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon reload color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon reload progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have it read configuration and contacts again
  export extern "mrpctl daemon reload" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon reload output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon reload color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon reload progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl daemon status output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl daemon status color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl daemon status progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show whether it is running; exit status 69 if it is not
  export extern "mrpctl daemon status" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl daemon status output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl daemon status color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl daemon status progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl daemon help" [
  ]

  # Run it in the foreground
  export extern "mrpctl daemon help run" [
  ]

  # Start it in the background; does nothing if it is running
  export extern "mrpctl daemon help start" [
  ]

  # End it; does nothing if it is not running
  export extern "mrpctl daemon help stop" [
  ]

  # End it and start it again
  export extern "mrpctl daemon help restart" [
  ]

  # Have it read configuration and contacts again
  export extern "mrpctl daemon help reload" [
  ]

  # Show whether it is running; exit status 69 if it is not
  export extern "mrpctl daemon help status" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl daemon help help" [
  ]

  def "nu-complete mrpctl service output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl service color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl service progress" [] {
    [ "auto" "never" "json" ]
  }

  # Have systemd run the daemon
  export extern "mrpctl service" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl service output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl service color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl service progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl service install output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl service install color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl service install progress" [] {
    [ "auto" "never" "json" ]
  }

  # Enable the daemon's units and start it; units that are not there are written
  export extern "mrpctl service install" [
    --system                  # By the system's service manager, for the user who calls (through sudo, if need be)
    --linger                  # Have the daemon run without a login too (loginctl enable-linger)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl service install output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl service install color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl service install progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl service uninstall output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl service uninstall color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl service uninstall progress" [] {
    [ "auto" "never" "json" ]
  }

  # Stop the daemon and disable its units; those that install wrote are removed
  export extern "mrpctl service uninstall" [
    --system                  # By the system's service manager, for the user who calls (through sudo, if need be)
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl service uninstall output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl service uninstall color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl service uninstall progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl service help" [
  ]

  # Enable the daemon's units and start it; units that are not there are written
  export extern "mrpctl service help install" [
  ]

  # Stop the daemon and disable its units; those that install wrote are removed
  export extern "mrpctl service help uninstall" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl service help help" [
  ]

  def "nu-complete mrpctl logs output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl logs color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl logs progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show the daemon's log
  export extern "mrpctl logs" [
    --follow(-f)              # Go on with what is written from now on, until Ctrl-C
    --lines(-n): string       # So many of the last lines
    --hook: string            # Only what is about this hook
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl logs output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl logs color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl logs progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl config output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config progress" [] {
    [ "auto" "never" "json" ]
  }

  # Read and change mrpd.toml
  export extern "mrpctl config" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl config path output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config path color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config path progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show where the file is
  export extern "mrpctl config path" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config path output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config path color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config path progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl config show output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config show progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show every value in force
  export extern "mrpctl config show" [
    --origin                  # And where it comes from
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config show output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config show color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config show progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl config get output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config get color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config get progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show one value, or all below it
  export extern "mrpctl config get" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config get output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config get color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config get progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    key: string               # Dotted path
  ]

  def "nu-complete mrpctl config set output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config set color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config set progress" [] {
    [ "auto" "never" "json" ]
  }

  # Change one value: what mrpd.toml says goes before drop-ins
  export extern "mrpctl config set" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config set output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config set color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config set progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    key: string               # Dotted path
    value: string             # TOML, or plain text
  ]

  def "nu-complete mrpctl config unset output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config unset color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config unset progress" [] {
    [ "auto" "never" "json" ]
  }

  # Remove one value, so that the default holds
  export extern "mrpctl config unset" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config unset output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config unset color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config unset progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    key: string               # Dotted path
  ]

  def "nu-complete mrpctl config edit output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config edit color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config edit progress" [] {
    [ "auto" "never" "json" ]
  }

  # Open it in $VISUAL or $EDITOR; what is saved is checked first
  export extern "mrpctl config edit" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config edit output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config edit color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config edit progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
  ]

  def "nu-complete mrpctl config check output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl config check color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl config check progress" [] {
    [ "auto" "never" "json" ]
  }

  # Say what is wrong with it
  export extern "mrpctl config check" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl config check output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl config check color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl config check progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    file?: path               # Another file than the one in use
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl config help" [
  ]

  # Show where the file is
  export extern "mrpctl config help path" [
  ]

  # Show every value in force
  export extern "mrpctl config help show" [
  ]

  # Show one value, or all below it
  export extern "mrpctl config help get" [
  ]

  # Change one value: what mrpd.toml says goes before drop-ins
  export extern "mrpctl config help set" [
  ]

  # Remove one value, so that the default holds
  export extern "mrpctl config help unset" [
  ]

  # Open it in $VISUAL or $EDITOR; what is saved is checked first
  export extern "mrpctl config help edit" [
  ]

  # Say what is wrong with it
  export extern "mrpctl config help check" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl config help help" [
  ]

  def "nu-complete mrpctl api output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl api color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl api progress" [] {
    [ "auto" "never" "json" ]
  }

  # Ask the daemon by its HTTP interface, as curl would
  export extern "mrpctl api" [
    --data(-d): string        # The body: JSON, @file, or - for standard input
    --header(-H): string      # A header to send along; repeatable
    --stream                  # Write what comes for as long as it comes, such as events
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl api output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl api color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl api progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    method: string            # GET, POST, PUT, PATCH, DELETE or HEAD
    target: string            # Path and query, such as /v1/status
  ]

  def "nu-complete mrpctl mcp output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl mcp color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl mcp progress" [] {
    [ "auto" "never" "json" ]
  }

  # Serve a language model over the Model Context Protocol, on standard input and output
  export extern "mrpctl mcp" [
    --read-only               # Only tools that change nothing, on this machine or elsewhere
    --allow-to: string        # Send only to this contact, key or @group; repeatable
    --files: path             # Folder from which files may be read and to which they may be saved; repeatable
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl mcp output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl mcp color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl mcp progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete mrpctl schema of" [] {
    [ "message" "config" "hook" "status" ]
  }

  def "nu-complete mrpctl schema output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl schema color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl schema progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show a JSON Schema
  export extern "mrpctl schema" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl schema output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl schema color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl schema progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    of: string@"nu-complete mrpctl schema of" # Of what
  ]

  def "nu-complete mrpctl completions shell" [] {
    [ "bash" "zsh" "fish" "elvish" "powershell" "nushell" ]
  }

  def "nu-complete mrpctl completions output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl completions color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl completions progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write the completion script of a shell to standard output
  export extern "mrpctl completions" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl completions output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl completions color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl completions progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    shell: string@"nu-complete mrpctl completions shell" # The shell
  ]

  def "nu-complete mrpctl man output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl man color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl man progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write the manual pages
  export extern "mrpctl man" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl man output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl man color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl man progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    directory?: path          # Directory for all pages, made if it is not there; without it the main page goes to standard output
  ]

  def "nu-complete mrpctl bug-report output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl bug-report color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl bug-report progress" [] {
    [ "auto" "never" "json" ]
  }

  # Write what is needed to find a fault into one text, without secrets
  export extern "mrpctl bug-report" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl bug-report output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl bug-report color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl bug-report progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help (see more with '--help')
    file?: path               # The file to write (default: standard output)
  ]

  def "nu-complete mrpctl backup output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl backup color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl backup progress" [] {
    [ "auto" "never" "json" ]
  }

  # Save inbox, outbox and cursors to a file, while the daemon runs
  export extern "mrpctl backup" [
    --force                   # Replace it if it is there
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl backup output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl backup color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl backup progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    file: path                # The file to make
  ]

  def "nu-complete mrpctl restore output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl restore color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl restore progress" [] {
    [ "auto" "never" "json" ]
  }

  # Put a backup in the store's place; the daemon must not run
  export extern "mrpctl restore" [
    --force                   # Replace the store that is there; it is kept under another name
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl restore output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl restore color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl restore progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    file: path                # The file that backup has made
  ]

  def "nu-complete mrpctl cheat topic" [] {
    [ "send" "tail" "hooks" "cron" "relay" "jq" "backup" ]
  }

  def "nu-complete mrpctl cheat output" [] {
    [ "auto" "text" "json" "jsonl" "raw" "table" ]
  }

  def "nu-complete mrpctl cheat color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete mrpctl cheat progress" [] {
    [ "auto" "never" "json" ]
  }

  # Show recipes
  export extern "mrpctl cheat" [
    --agent(-a): string       # Local identity to act as (default: default_agent of the configuration)
    --socket: path            # The daemon's socket
    --output(-o): string@"nu-complete mrpctl cheat output" # text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    --json                    # The same as --output json
    --fields: string          # Keep only these JSON fields, such as id,from.name,text
    --jq: string              # Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    --format(-F): string      # Write each object by this template, such as '{{ from.name }}: {{ text }}'
    --color: string@"nu-complete mrpctl cheat color" # Colours in text: auto, always or never
    --progress: string@"nu-complete mrpctl cheat progress" # How far something long has come, on standard error: auto (a bar at a terminal), json or never
    --timeout: string         # Give up after this time, such as 10s or 5m, with exit status 124
    --quiet(-q)               # Say nothing but errors
    --verbose(-v)             # Say more (repeat for still more)
    --no-input                # Never ask anything
    --yes                     # Answer every question with yes
    --dry-run                 # Show what would be sent, and send nothing
    --no-autostart            # Do not start the daemon if it is not running
    --help(-h)                # Print help
    topic?: string@"nu-complete mrpctl cheat topic" # On what; without it the topics are listed
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl help" [
  ]

  # Make a key and a configuration, and start the daemon
  export extern "mrpctl help init" [
  ]

  # Show the daemon, its relays and what is in the inbox and the outbox
  export extern "mrpctl help status" [
  ]

  # Find out what is wrong on this machine, and what mends it
  export extern "mrpctl help doctor" [
  ]

  # Try it: a private relay and two users in a temporary folder
  export extern "mrpctl help demo" [
  ]

  # Send a message
  export extern "mrpctl help send" [
  ]

  # Answer a message
  export extern "mrpctl help reply" [
  ]

  # Ask for something to be done, and print what came of it
  export extern "mrpctl help request" [
  ]

  # Tell that something happened
  export extern "mrpctl help event" [
  ]

  # Tell how far something is
  export extern "mrpctl help progress" [
  ]

  # Show messages, and go on as they come
  export extern "mrpctl help tail" [
  ]

  # Show what is unread, and go on as it comes: tail --unread
  export extern "mrpctl help recv" [
  ]

  # Take work from the inbox: of several programs that do, each message goes to one
  export extern "mrpctl help next" [
  ]

  # The work is done: the messages are settled, all of them or none
  export extern "mrpctl help ack" [
  ]

  # The work is not done: the messages can be taken again, all of them or none
  export extern "mrpctl help nack" [
  ]

  # The work goes on: the lease is longer
  export extern "mrpctl help touch" [
  ]

  # Wait until something matches, and print it
  export extern "mrpctl help wait" [
  ]

  # List messages, the newest first
  export extern "mrpctl help inbox" [
  ]

  # List messages, the newest first (the default)
  export extern "mrpctl help inbox ls" [
  ]

  # Show one message
  export extern "mrpctl help show" [
  ]

  # List threads, or show the messages of one
  export extern "mrpctl help thread" [
  ]

  # List threads, the latest first (the default)
  export extern "mrpctl help thread ls" [
  ]

  # Show a thread's messages, both ways, the oldest first
  export extern "mrpctl help thread show" [
  ]

  # Find messages by their words, the newest first; exit status 1 if there are none
  export extern "mrpctl help search" [
  ]

  # Save the attachments of a message
  export extern "mrpctl help open" [
  ]

  # Mark messages as read, unread or archived, all of them or none
  export extern "mrpctl help mark" [
  ]

  # Remove messages for good
  export extern "mrpctl help rm" [
  ]

  # Remove what is old, for good; what is claimed, held, or needed by a hook stays
  export extern "mrpctl help prune" [
  ]

  # Show messages on their way, try them again, or cancel them
  export extern "mrpctl help outbox" [
  ]

  # Show messages on their way (the default)
  export extern "mrpctl help outbox ls" [
  ]

  # Try them now
  export extern "mrpctl help outbox retry" [
  ]

  # Take out what no relay can have
  export extern "mrpctl help outbox cancel" [
  ]

  # Try everything now that waits for its next attempt
  export extern "mrpctl help outbox flush" [
  ]

  # Show what was given up, by the outbox or by hooks; try it again, or drop it
  export extern "mrpctl help dead" [
  ]

  # Show what was given up (the default)
  export extern "mrpctl help dead ls" [
  ]

  # Have it tried again
  export extern "mrpctl help dead retry" [
  ]

  # Forget it; a message stays in the inbox
  export extern "mrpctl help dead drop" [
  ]

  # Write all messages, both ways, as lines of JSON
  export extern "mrpctl help export" [
  ]

  # Take in messages that were exported; exit status 65 if a line is refused
  export extern "mrpctl help import" [
  ]

  # Show what became of a message that was sent: accepted, delivered, answered, expired, with the times
  export extern "mrpctl help receipts" [
  ]

  # Talk with somebody: each line that is typed is sent, what they write appears
  export extern "mrpctl help chat" [
  ]

  # Run a command for each message that comes
  export extern "mrpctl help on" [
  ]

  # Answer requests with a command
  export extern "mrpctl help serve" [
  ]

  # Run a command and send how it ended
  export extern "mrpctl help run" [
  ]

  # Send to all who subscribed to a topic of mine
  export extern "mrpctl help publish" [
  ]

  # Show who has subscribed to a topic of mine
  export extern "mrpctl help subscribers" [
  ]

  # Ask for what somebody publishes
  export extern "mrpctl help subscribe" [
  ]

  # Give up what was subscribed to
  export extern "mrpctl help unsubscribe" [
  ]

  # Run a command again and again, and send what it prints when that changes
  export extern "mrpctl help watch" [
  ]

  # Show the hooks of the daemon, try them, and see what they did
  export extern "mrpctl help hook" [
  ]

  # List the hooks (the default)
  export extern "mrpctl help hook ls" [
  ]

  # Show one hook
  export extern "mrpctl help hook show" [
  ]

  # Switch a hook on
  export extern "mrpctl help hook enable" [
  ]

  # Switch a hook off; what comes meanwhile waits for it
  export extern "mrpctl help hook disable" [
  ]

  # Have the daemon read its configuration again
  export extern "mrpctl help hook reload" [
  ]

  # Run a hook on one message and show what it printed; nothing is acknowledged or replied
  export extern "mrpctl help hook test" [
  ]

  # Show what hooks have done
  export extern "mrpctl help hook log" [
  ]

  # Have a hook look again at what came since then
  export extern "mrpctl help hook replay" [
  ]

  # Names for keys: show, add, rename, remove
  export extern "mrpctl help contact" [
  ]

  # Show all contacts
  export extern "mrpctl help contact ls" [
  ]

  # Show one contact; exit status 1 where there is none
  export extern "mrpctl help contact show" [
  ]

  # Add a contact, or change the note, sealing or trust of one
  export extern "mrpctl help contact add" [
  ]

  # Give a contact another name
  export extern "mrpctl help contact rename" [
  ]

  # Remove contacts; exit status 1 where there is no such one
  export extern "mrpctl help contact rm" [
  ]

  # Add contacts from a file: what export writes, or the published clients' contacts.json
  export extern "mrpctl help contact import" [
  ]

  # Write all contacts, one JSON object a line
  export extern "mrpctl help contact export" [
  ]

  # Show my address as one line of text, to hand on
  export extern "mrpctl help card" [
  ]

  # Find public agents at a relay, the most recently active ones first
  export extern "mrpctl help find" [
  ]

  # Show what agents can do: all tags at a relay, or the capabilities of one agent
  export extern "mrpctl help caps" [
  ]

  # Show an agent's profile, as a relay has it
  export extern "mrpctl help lookup" [
  ]

  # Let somebody write, also under the policy allowlist
  export extern "mrpctl help allow" [
  ]

  # Take no more messages from somebody
  export extern "mrpctl help block" [
  ]

  # Take somebody off the access list, whether allowed or blocked
  export extern "mrpctl help unblock" [
  ]

  # The access list: who may write, and who may not
  export extern "mrpctl help acl" [
  ]

  # Show it
  export extern "mrpctl help acl ls" [
  ]

  # Show or say whose messages the inbox takes
  export extern "mrpctl help policy" [
  ]

  # Messages from unknown senders, where [inbox] hold_unknown_senders is on
  export extern "mrpctl help pending" [
  ]

  # Show what is held
  export extern "mrpctl help pending ls" [
  ]

  # Let senders in, by their keys (or the first 8 characters) or ids of messages: what is held becomes visible
  export extern "mrpctl help pending accept" [
  ]

  # Drop what is held, of senders or by ids of messages; later messages are held as before
  export extern "mrpctl help pending reject" [
  ]

  # Show the local identity: name, key, fingerprint, card and relays
  export extern "mrpctl help whoami" [
  ]

  # How the local identity shows itself at its relays
  export extern "mrpctl help profile" [
  ]

  # Show it as each relay has it
  export extern "mrpctl help profile show" [
  ]

  # Change it, in mrpd.toml and thereby at all relays
  export extern "mrpctl help profile set" [
  ]

  # What the local identity says that it can do
  export extern "mrpctl help cap" [
  ]

  # Show what is configured, and whether the daemon answers it
  export extern "mrpctl help cap ls" [
  ]

  # Add a capability, or change one
  export extern "mrpctl help cap add" [
  ]

  # Take capabilities away
  export extern "mrpctl help cap rm" [
  ]

  # Private keys as files, and signatures of data
  export extern "mrpctl help key" [
  ]

  # Make a key, in a file that must not exist
  export extern "mrpctl help key new" [
  ]

  # Show the key files and who uses them
  export extern "mrpctl help key ls" [
  ]

  # Act as this identity where no other is named; one that is not configured yet is configured
  export extern "mrpctl help key use" [
  ]

  # Show the public half of a key
  export extern "mrpctl help key show" [
  ]

  # Take a key over from a file; - is standard input
  export extern "mrpctl help key import" [
  ]

  # Write the private key out: whoever has it is you
  export extern "mrpctl help key export" [
  ]

  # Keep a key file under a passphrase
  export extern "mrpctl help key encrypt" [
  ]

  # Write the private key out that is kept under a passphrase: whoever has it is you
  export extern "mrpctl help key decrypt" [
  ]

  # Remove a key file for ever; asks at a terminal, and needs --yes elsewhere
  export extern "mrpctl help key rm" [
  ]

  # Sign standard input: a detached signature, of its SHA-256 and a word that no message begins with
  export extern "mrpctl help key sign" [
  ]

  # Check a signature of standard input; exit status 65 where it is none
  export extern "mrpctl help key verify" [
  ]

  # Files that lie with a relay
  export extern "mrpctl help blob" [
  ]

  # Upload a file in clear; prints its id
  export extern "mrpctl help blob put" [
  ]

  # Fetch one, to standard output or into a file
  export extern "mrpctl help blob get" [
  ]

  # Show what is known of one
  export extern "mrpctl help blob info" [
  ]

  # Show what was uploaded from here, and the files that wait for their messages
  export extern "mrpctl help blob ls" [
  ]

  # Give them up
  export extern "mrpctl help blob rm" [
  ]

  # The relays of the configuration
  export extern "mrpctl help relay" [
  ]

  # Show them, and who uses them
  export extern "mrpctl help relay ls" [
  ]

  # Add one, and have the local identity use it
  export extern "mrpctl help relay add" [
  ]

  # Forget one, for all local identities
  export extern "mrpctl help relay rm" [
  ]

  # Make it the first relay of the local identity: the one that is written by where nothing else is said
  export extern "mrpctl help relay use" [
  ]

  # Ask relays how they are; exit status 69 where one does not answer
  export extern "mrpctl help relay ping" [
  ]

  # Show how many more messages they take
  export extern "mrpctl help relay limits" [
  ]

  # Where a relay announces messages over HTTP
  export extern "mrpctl help webhook" [
  ]

  # Show it; exit status 1 where there is none
  export extern "mrpctl help webhook show" [
  ]

  # Have the relay post messages to a URL
  export extern "mrpctl help webhook set" [
  ]

  # Have the relay announce nothing any more
  export extern "mrpctl help webhook rm" [
  ]

  # Receive what a relay posts, and run a command for each message; no daemon is needed
  export extern "mrpctl help webhook listen" [
  ]

  # Check the signature of a delivery, read as JSON; exit status 65 where it is not right
  export extern "mrpctl help webhook verify" [
  ]

  # Start, stop and ask the daemon
  export extern "mrpctl help daemon" [
  ]

  # Run it in the foreground
  export extern "mrpctl help daemon run" [
  ]

  # Start it in the background; does nothing if it is running
  export extern "mrpctl help daemon start" [
  ]

  # End it; does nothing if it is not running
  export extern "mrpctl help daemon stop" [
  ]

  # End it and start it again
  export extern "mrpctl help daemon restart" [
  ]

  # Have it read configuration and contacts again
  export extern "mrpctl help daemon reload" [
  ]

  # Show whether it is running; exit status 69 if it is not
  export extern "mrpctl help daemon status" [
  ]

  # Have systemd run the daemon
  export extern "mrpctl help service" [
  ]

  # Enable the daemon's units and start it; units that are not there are written
  export extern "mrpctl help service install" [
  ]

  # Stop the daemon and disable its units; those that install wrote are removed
  export extern "mrpctl help service uninstall" [
  ]

  # Show the daemon's log
  export extern "mrpctl help logs" [
  ]

  # Read and change mrpd.toml
  export extern "mrpctl help config" [
  ]

  # Show where the file is
  export extern "mrpctl help config path" [
  ]

  # Show every value in force
  export extern "mrpctl help config show" [
  ]

  # Show one value, or all below it
  export extern "mrpctl help config get" [
  ]

  # Change one value: what mrpd.toml says goes before drop-ins
  export extern "mrpctl help config set" [
  ]

  # Remove one value, so that the default holds
  export extern "mrpctl help config unset" [
  ]

  # Open it in $VISUAL or $EDITOR; what is saved is checked first
  export extern "mrpctl help config edit" [
  ]

  # Say what is wrong with it
  export extern "mrpctl help config check" [
  ]

  # Ask the daemon by its HTTP interface, as curl would
  export extern "mrpctl help api" [
  ]

  # Serve a language model over the Model Context Protocol, on standard input and output
  export extern "mrpctl help mcp" [
  ]

  # Show a JSON Schema
  export extern "mrpctl help schema" [
  ]

  # Write the completion script of a shell to standard output
  export extern "mrpctl help completions" [
  ]

  # Write the manual pages
  export extern "mrpctl help man" [
  ]

  # Write what is needed to find a fault into one text, without secrets
  export extern "mrpctl help bug-report" [
  ]

  # Save inbox, outbox and cursors to a file, while the daemon runs
  export extern "mrpctl help backup" [
  ]

  # Put a backup in the store's place; the daemon must not run
  export extern "mrpctl help restore" [
  ]

  # Show recipes
  export extern "mrpctl help cheat" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "mrpctl help help" [
  ]

}

export use completions *
